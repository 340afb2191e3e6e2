// AwardBadge under load by k6 (https://k6.io, 1.0 or later), for a service that runs anywhere.
//
//   k6 run --no-usage-report -e TOKENS=$PWD/tokens.json bench/k6/award_badge.js
//
// ADDRESS       host:port of the service; 127.0.0.1:50054 unless told
// TOKENS        file with {"<merchant id>": "<token>", ...}. The limit is 100 calls a second for each
//               merchant, so take one for every 50 calls a second that you expect, or TOKEN and
//               MERCHANT_ID for a single one.
// BADGE         id of a badge that every customer may hold; "welcome" unless told
// VUS, RAMP, HOLD  how many call at once (1000), after how long (30s), for how long (60s)
// PAUSE_S       between two calls of one caller; 0 unless told: then the service is driven to its
//               limit, and the latency is VUS divided by the calls that it answers in a second
// TLS_CA, TLS_CERTIFICATE, TLS_KEY   PEM files, for a service with mutual TLS
//
// Each call is for a customer who never was: the users service must know everybody, as
// `python -m deploy.neighbours run` does. The exit code is 99 when a threshold was crossed.
import grpc from 'k6/net/grpc';
import { check, sleep } from 'k6';
import { Rate } from 'k6/metrics';

const METHOD = 'gamification.v1.GamificationService/AwardBadge';
const ADDRESS = __ENV.ADDRESS || '127.0.0.1:50054';
const BADGE = __ENV.BADGE || 'welcome';
const PAUSE_S = Number(__ENV.PAUSE_S || 0);
const GIVE_UP = '10s';

const tokens = __ENV.TOKENS
  ? JSON.parse(open(__ENV.TOKENS))
  : { [__ENV.MERCHANT_ID]: __ENV.TOKEN };
const merchants = Object.keys(tokens);
const tls = __ENV.TLS_CA && {
  cacerts: [open(__ENV.TLS_CA)],
  cert: open(__ENV.TLS_CERTIFICATE),
  key: open(__ENV.TLS_KEY),
};

const client = new grpc.Client();
client.load(['../../protos'], 'gamification/v1/gamification.proto');
const failed = new Rate('award_failed');

export const options = {
  scenarios: {
    award: {
      executor: 'ramping-vus',
      startVUs: 1,
      stages: [
        { duration: __ENV.RAMP || '30s', target: Number(__ENV.VUS || 1000) },
        { duration: __ENV.HOLD || '60s', target: Number(__ENV.VUS || 1000) },
      ],
      gracefulRampDown: '0s',
      gracefulStop: GIVE_UP,
    },
  },
  thresholds: {
    grpc_req_duration: ['p(99)<200'],
    award_failed: ['rate==0'],
  },
  summaryTrendStats: ['min', 'med', 'p(90)', 'p(99)', 'max'],
};

let isConnected = false;

export default function () {
  // One connection for each caller, kept.
  if (!isConnected) {
    client.connect(ADDRESS, tls ? { tls } : { plaintext: true });
    isConnected = true;
  }
  const merchant = merchants[Math.floor(Math.random() * merchants.length)];
  const answer = client.invoke(
    METHOD,
    { merchant_id: merchant, customer_id: uuid(), badge: BADGE },
    { metadata: { authorization: `Bearer ${tokens[merchant]}` }, timeout: GIVE_UP },
  );
  const isAwarded =
    answer.status === grpc.StatusOK && answer.message.status === 'AWARD_STATUS_AWARDED';
  failed.add(!isAwarded);
  check(answer, { 'the badge was given': () => isAwarded });
  if (PAUSE_S) {
    sleep(PAUSE_S);
  }
}

function uuid() {
  const hex = Array.from({ length: 32 }, () => Math.floor(Math.random() * 16).toString(16));
  hex[12] = '4';
  hex[16] = '8';
  const text = hex.join('');
  return [
    text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20),
  ].join('-');
}
