package redisconn

import "github.com/redis/go-redis/v9"

// Details are the figures of a client's connections for a health document: poolSize
// (for each node of a cluster), open, inUse, idle, how many commands had to wait for a
// connection (waitCount) and how many of them in vain (refusedCount).
func Details(client redis.UniversalClient) map[string]any {
	s := client.PoolStats()
	details := map[string]any{
		"open": s.TotalConns, "inUse": s.TotalConns - min(s.IdleConns, s.TotalConns), "idle": s.IdleConns,
		"waitCount": s.WaitCount, "refusedCount": s.Timeouts,
	}
	switch c := client.(type) {
	case *redis.Client:
		details["poolSize"] = c.Options().PoolSize
	case *redis.ClusterClient:
		details["poolSize"] = c.Options().PoolSize
	}
	return details
}
