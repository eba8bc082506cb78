-- One bet as package play sends it: the same statements in the same two round trips.
-- What the service computes in between (ids, the draw, the texts) is made up here;
-- every bet wins, so each books two transfers.
--
--   pgbench -n -M prepared -c 16 -j 2 -T 10 -D run=$(date +%s) -D n=0 -f bet.sql URL
--
-- pgbench takes a colon before a word for a variable, also inside quotes: hence the
-- spaces in the texts. run and n keep the ids of different runs apart and
-- in the order of time.
\set p random(1, 10000)
\set n :n + 1
\startpipeline
BEGIN;
SELECT verdict, account, balance, seed, server_seed, server_hash, client_seed, nonce, round, request_hash, answer, at
FROM play_claim(ARRAY[('0190000000007000' || 'a' || lpad(:p::text, 15, '0'))::uuid], ARRAY[:run::text || '-' || :client_id::text || '-' || :n::text], ARRAY[100::bigint], ARRAY['dice'], ARRAY[false], 'PLAY');
\endpipeline
\startpipeline
SELECT play_record(
    ARRAY[(lpad(:run::text, 12, '0') || lpad(:client_id::text, 4, '0') || lpad((:n::bigint * 8)::text, 16, '0'))::uuid],
    ARRAY[('0190000000007000' || 'a' || lpad(:p::text, 15, '0'))::uuid], ARRAY[:run::text || '-' || :client_id::text || '-' || :n::text],
    ARRAY['\x18e93f4a7b5b58d2569765766d1b6c3296bbd8430d6f20249044d72f14720159'::bytea], ARRAY['dice'], ARRAY['dice-1'], ARRAY['dice/1'], 'PLAY',
    ARRAY[100::bigint], ARRAY[198::bigint], ARRAY[('0190000000007000' || 'c' || lpad(:p::text, 15, '0'))::uuid], ARRAY[0::bigint],
    ARRAY['{"direction": "under","target": 5000}'], ARRAY['{"roll": 1234,"win": true,"multiplier": "1.9801"}'],
    ARRAY['{"round": {"id": "0190a5d2-ac96-774b-bcce-b302099a8057","game": "dice","table": "dice-1","state": "settled","stake": 100,"staked": 100,"payout": 198,"outcome": {"roll": 1234,"win": true,"multiplier": "1.9801"},"nonce": 0,"client_seed": "bench","server_seed_hash": "0000000000000000000000000000000000000000000000000000000000000000","rules": "dice/1","balance": 100098}}'], ARRAY['settled']);
SELECT ledger_post(
    ARRAY[(lpad(:run::text, 12, '0') || lpad(:client_id::text, 4, '0') || lpad((:n::bigint * 8 + 1)::text, 16, '0'))::uuid, (lpad(:run::text, 12, '0') || lpad(:client_id::text, 4, '0') || lpad((:n::bigint * 8 + 2)::text, 16, '0'))::uuid],
    ARRAY[('0190000000007000' || 'b' || lpad(:p::text, 15, '0'))::uuid, '00000000-0000-7000-8000-000000000001'::uuid],
    ARRAY['00000000-0000-7000-8000-000000000001'::uuid, ('0190000000007000' || 'b' || lpad(:p::text, 15, '0'))::uuid],
    ARRAY[100::bigint, 198], ARRAY['stake', 'payout'],
    ARRAY[(lpad(:run::text, 12, '0') || lpad(:client_id::text, 4, '0') || lpad((:n::bigint * 8)::text, 16, '0'))::uuid, (lpad(:run::text, 12, '0') || lpad(:client_id::text, 4, '0') || lpad((:n::bigint * 8)::text, 16, '0'))::uuid],
    'PLAY');
INSERT INTO outbox (event_id, sink, lane, key, type, body, traceparent)
SELECT r.event_id::uuid, r.sink, r.lane, r.key, r.type, r.body::json, r.traceparent
FROM unnest(
    ARRAY[lpad(:run::text, 12, '0') || lpad(:client_id::text, 4, '0') || lpad((:n::bigint * 8 + 3)::text, 16, '0'), lpad(:run::text, 12, '0') || lpad(:client_id::text, 4, '0') || lpad((:n::bigint * 8 + 4)::text, 16, '0'), lpad(:run::text, 12, '0') || lpad(:client_id::text, 4, '0') || lpad((:n::bigint * 8 + 5)::text, 16, '0')],
    ARRAY['room', 'room', 'fact'], ARRAY[0::int2, 1, 2], ARRAY['table-dice-1', 'player-01900000-0000-7000-a000-000000000001', 'dice-1'], ARRAY['round', 'balance', 'vegascore.round.settled.v1'],
    ARRAY['[{"id": "0190a5d2-ac96-774b-bcce-b302099a8057","game": "dice","table": "dice-1","state": "settled","stake": 100,"staked": 100,"payout": 198,"outcome": {"roll": 1234,"win": true,"multiplier": "1.9801"},"nonce": 0,"client_seed": "bench","server_seed_hash": "0000000000000000000000000000000000000000000000000000000000000000","rules": "dice/1","player": {"id": "01900000-0000-7000-a000-000000000001","name": "player"},"settled_at": "2026-11-22T200000.000000Z","event_id": "0190a5d2-ac96-774b-bcce-b302099a8058","traceparent": ""}]',
          '[{"balance": 100098,"asset": "PLAY","round": "0190a5d2-ac96-774b-bcce-b302099a8057","event_id": "0190a5d2-ac96-774b-bcce-b302099a8059","traceparent": ""}]',
          '{"round": "0190a5d2-ac96-774b-bcce-b302099a8057","player": "01900000-0000-7000-a000-000000000001","name": "player","game": "dice","table": "dice-1","rules": "dice/1","asset": "PLAY","stake": 100,"staked": 100,"payout": 198,"settled_at": "2026-11-22T200000.000000Z"}'],
    ARRAY['', '', '']) WITH ORDINALITY AS r (event_id, sink, lane, key, type, body, traceparent, ord)
ORDER BY r.ord;
COMMIT;
\endpipeline
