-- phase: expand
-- tx: off
--
-- How the sweep finds what it looks for, in tables that may be large already.

CREATE INDEX CONCURRENTLY ledger_transfers_tx ON ledger_transfers (tx) WHERE tx IS NOT NULL;
CREATE INDEX CONCURRENTLY ledger_accounts_frozen ON ledger_accounts (id) WHERE frozen_at IS NOT NULL;
CREATE INDEX CONCURRENTLY rounds_open ON rounds (created_at) WHERE state = 'open';
