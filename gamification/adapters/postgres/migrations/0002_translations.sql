-- Texts shown to people, by key, locale and version. The trigger keeps out what a screen could
-- not show or what would break when values are filled in.

CREATE TABLE locales (
    locale text PRIMARY KEY CHECK (locale ~ '^[a-z]{2,3}(-[A-Z]{2})?$')
);
COMMENT ON TABLE locales IS 'Locales that translations may have; more by INSERT.';
INSERT INTO locales (locale) VALUES ('en'), ('es'), ('fr'), ('ar'), ('de'), ('pt'), ('ja');

CREATE TABLE translations (
    key text NOT NULL,
    locale text NOT NULL,
    value text NOT NULL,
    version text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key, locale, version)
);
CREATE INDEX idx_translations_key_locale ON translations (key, locale);

CREATE FUNCTION placeholders(value text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(DISTINCT found[1] ORDER BY found[1]), '{}')
      FROM regexp_matches(value, '\{([a-z_][a-z0-9_]*)\}', 'g') AS found
$$;

CREATE FUNCTION validate_translation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    english text;
BEGIN
    IF NOT EXISTS (SELECT FROM locales WHERE locale = NEW.locale) THEN
        RAISE EXCEPTION 'locale %: not supported', NEW.locale USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.key !~ '^[a-z0-9_-]+(\.[a-z0-9_-]+)*$' OR NEW.key !~ '^[a-z]' OR length(NEW.key) > 200 THEN
        RAISE EXCEPTION 'key: lower-case words joined by dots, at most 200 characters'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.version !~ '^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$' THEN
        RAISE EXCEPTION 'version %: must be semantic, like 1.0.0', NEW.version
            USING ERRCODE = 'check_violation';
    END IF;
    IF btrim(NEW.value) = '' OR length(NEW.value) > 500 THEN
        RAISE EXCEPTION 'value of % in %: 1 to 500 characters', NEW.key, NEW.locale
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.value ~ '[\u0001-\u001f\u007f-\u009f]' THEN
        RAISE EXCEPTION 'value of % in %: no control characters', NEW.key, NEW.locale
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.locale <> 'en' THEN
        SELECT value INTO english FROM translations
         WHERE key = NEW.key AND locale = 'en'
         ORDER BY created_at DESC, version DESC LIMIT 1;
        IF english IS NOT NULL AND placeholders(english) <> placeholders(NEW.value) THEN
            RAISE EXCEPTION 'value of % in %: placeholders must be those of the English text: %',
                NEW.key, NEW.locale, placeholders(english) USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER trg_validate_translations BEFORE INSERT OR UPDATE ON translations
    FOR EACH ROW EXECUTE FUNCTION validate_translation();
