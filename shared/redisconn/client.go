package redisconn

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// reloadEvery is how often a client in use looks which node of a cluster has which slot.
// A node that died says nothing, so the library learns of its successor only by that:
// with its default, after a minute.
const reloadEvery = time.Second

// client is a new client with connections of its own.
func (a address) client() redis.UniversalClient {
	switch a.mode {
	case sentinel:
		return redis.NewFailoverClient(a.failover())
	case clustered:
		client := redis.NewClusterClient(a.cluster())
		client.AddHook(once{client})
		return client
	default:
		options := *a.options
		return redis.NewClient(&options)
	}
}

func (a address) failover() *redis.FailoverOptions {
	o := a.options
	return &redis.FailoverOptions{
		MasterName: a.master, SentinelAddrs: a.hosts, SentinelUsername: a.sentinelUser, SentinelPassword: a.sentinelPass,
		ClientName: o.ClientName, Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLSConfig,
		Protocol: o.Protocol, DisableIdentity: o.DisableIdentity, ContextTimeoutEnabled: o.ContextTimeoutEnabled,
		MaxRetries: o.MaxRetries, MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		DialTimeout: o.DialTimeout, DialerRetries: o.DialerRetries, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout, MaxConcurrentDials: o.MaxConcurrentDials,
		MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime, ConnMaxLifetimeJitter: o.ConnMaxLifetimeJitter,
		PipelinePoolSize: o.PipelinePoolSize, PipelineReadBufferSize: o.PipelineReadBufferSize, PipelineWriteBufferSize: o.PipelineWriteBufferSize,
	}
}

func (a address) cluster() *redis.ClusterOptions {
	o := a.options
	return &redis.ClusterOptions{
		Addrs: a.hosts, ClusterStateReloadInterval: reloadEvery, DisableRoutingPolicies: true,
		ClientName: o.ClientName, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		Protocol: o.Protocol, DisableIdentity: o.DisableIdentity, ContextTimeoutEnabled: o.ContextTimeoutEnabled,
		MaxRetries: o.MaxRetries, MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		DialTimeout: o.DialTimeout, DialerRetries: o.DialerRetries, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout, MaxConcurrentDials: o.MaxConcurrentDials,
		MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime, ConnMaxLifetimeJitter: o.ConnMaxLifetimeJitter,
		PipelinePoolSize: o.PipelinePoolSize, PipelineReadBufferSize: o.PipelineReadBufferSize, PipelineWriteBufferSize: o.PipelineWriteBufferSize,
		MaintNotificationsConfig: o.MaintNotificationsConfig,
	}
}

// once keeps a cluster client from repeating commands, which it does by default when an
// answer is lost, and has it look at the cluster anew when a node failed. Where a node
// names another for a slot, the command is sent there: the first had no effect.
type once struct{ client *redis.ClusterClient }

// unrepeated is a command that go-redis may redirect but not repeat.
type unrepeated struct{ redis.Cmder }

func (unrepeated) NoRetry() bool { return true }

func (o once) DialHook(next redis.DialHook) redis.DialHook { return next }

func (o once) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return o.noted(ctx, next(ctx, unrepeated{cmd}))
	}
}

func (o once) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		wrapped := make([]redis.Cmder, len(cmds))
		for i, cmd := range cmds {
			wrapped[i] = unrepeated{cmd}
		}
		return o.noted(ctx, next(ctx, wrapped))
	}
}

// noted looks at the cluster after errors that no node has sent.
func (o once) noted(ctx context.Context, err error) error {
	var said redis.Error
	if err != nil && !errors.As(err, &said) {
		o.client.ReloadState(ctx)
	}
	return err
}
