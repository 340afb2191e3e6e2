-- The rules for translations as they are meant: keys are words joined by dots and nothing else,
-- versions are compared as versions and not as text, and a text is held against the English one
-- that is in force. Texts that are there already stay as they are.

CREATE FUNCTION semver_order(version text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
-- A text that sorts, byte by byte (COLLATE "C"), as SemVer 2.0.0 section 11 orders versions. Numbers
-- get their length in front, a release sorts behind its pre-releases, '!' before any character
-- of an identifier, so that fewer of them come first. What follows a '+' does not count.
SELECT (
    SELECT string_agg(lpad(length(number)::text, 2, '0') || number, '.' ORDER BY place)
      FROM regexp_split_to_table(split_part(split_part(version, '+', 1), '-', 1), '\.')
           WITH ORDINALITY AS core (number, place)
) || CASE WHEN strpos(split_part(version, '+', 1), '-') = 0 THEN '~' ELSE '-' || (
    SELECT string_agg(
               CASE WHEN word ~ '^[0-9]+$' THEN '0' || lpad(length(word)::text, 2, '0') || word
                    ELSE '1' || word END,
               '!' ORDER BY place)
      FROM regexp_split_to_table(
               substr(split_part(version, '+', 1), strpos(version, '-') + 1), '\.')
           WITH ORDINALITY AS pre (word, place)
) END
$$;

CREATE VIEW newest_translations AS
SELECT DISTINCT ON (key, locale) key, locale, value, version
  FROM translations
 ORDER BY key, locale, semver_order(version) COLLATE "C" DESC, version COLLATE "C" DESC;
COMMENT ON VIEW newest_translations IS 'Of each key and locale the text with the greatest version.';

CREATE VIEW served_translations AS
SELECT own.key, own.locale, own.value, own.version, english.version AS english_version
  FROM newest_translations own
  LEFT JOIN LATERAL (
        SELECT t.value, t.version
          FROM translations t
         WHERE t.key = own.key AND t.locale = 'en'
         ORDER BY semver_order(t.version) COLLATE "C" DESC, t.version COLLATE "C" DESC
         LIMIT 1
       ) english ON true
 WHERE english.value IS NULL OR placeholders(own.value) = placeholders(english.value);
COMMENT ON VIEW served_translations IS 'What readers get. An English text that changed its placeholders hides the translations of the old one until they are imported anew.';

CREATE OR REPLACE FUNCTION validate_translation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    english record;
BEGIN
    IF NOT EXISTS (SELECT FROM locales WHERE locale = NEW.locale) THEN
        RAISE EXCEPTION 'locale %: not supported', NEW.locale USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.key !~ '^[a-z0-9]+(\.[a-z0-9]+)+$' OR length(NEW.key) > 200 THEN
        RAISE EXCEPTION 'key: lower-case words joined by dots, like badge.first.lesson, at most 200 characters'
            USING ERRCODE = 'check_violation';
    END IF;
    IF length(NEW.version) > 64 OR NEW.version !~ (
        '^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)'
        '(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?'
        '(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$'
    ) THEN
        RAISE EXCEPTION 'version of % in %: must be semantic, like 1.0.0, at most 64 characters',
            NEW.key, NEW.locale USING ERRCODE = 'check_violation';
    END IF;
    IF length(NEW.value) > 500
       OR NEW.value ~ '^[\s\u00a0\u00ad\u061c\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff]*$' THEN
        RAISE EXCEPTION 'value of % in %: 1 to 500 characters, some of them visible',
            NEW.key, NEW.locale USING ERRCODE = 'check_violation';
    END IF;
    -- Postgres' text holds no \u0000 at all.
    IF NEW.value ~ '[\u0001-\u001f\u007f-\u009f]' THEN
        RAISE EXCEPTION 'value of % in %: no control characters', NEW.key, NEW.locale
            USING ERRCODE = 'check_violation';
    END IF;
    IF regexp_replace(NEW.value, '\{[a-z_][a-z0-9_]*\}', '', 'g') ~ '[{}]' THEN
        RAISE EXCEPTION 'value of % in %: braces only around a placeholder, like {count}',
            NEW.key, NEW.locale USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.locale <> 'en' THEN
        -- The newest by version: that is the one whose placeholders will be filled in.
        SELECT value, version INTO english FROM newest_translations
         WHERE key = NEW.key AND locale = 'en';
        IF FOUND AND placeholders(english.value) <> placeholders(NEW.value) THEN
            RAISE EXCEPTION 'value of % in %: placeholders must be those of the English text, version %: %',
                NEW.key, NEW.locale, english.version, placeholders(english.value)
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- A tier has a name of its own, as it has a badge of its own.
UPDATE badge_definitions SET name_key = name_key || '.' || replace(tier, '-', '.')
 WHERE tier IS NOT NULL;
COMMENT ON COLUMN badge_definitions.name_key IS 'Translation key of the badge''s name; a tier''s is the rule''s with the tier behind it.';
