package postgres

// Details are the pool's figures for a health document: the size, how many
// connections are open, in use and idle, how many callers had to wait (waitCount) and
// for how long together (wait_ms), how many were turned away (refusedCount), and
// whether a pooler stands before the server. The reason for the size is a text, so it
// is not for the public.
func (db *DB) Details() map[string]any {
	s := db.Stat()
	return map[string]any{
		"poolSize": db.sizing.Size, "open": s.TotalConns(), "inUse": s.AcquiredConns(), "idle": s.IdleConns(),
		"waitCount": s.EmptyAcquireCount(), "wait_ms": s.EmptyAcquireWaitTime().Milliseconds(), "refusedCount": s.CanceledAcquireCount(),
		"pooler": db.Pooled(), "away": db.Away(), "reason": db.sizing.Reason,
	}
}
