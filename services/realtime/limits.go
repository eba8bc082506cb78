package main

import (
	"errors"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// limits protect the container from its clients. 0 turns one off.
type limits struct {
	// AddressSockets and AddressRate bound the connections of one address. Many
	// players may share one, behind the router of a hotel or a mobile network.
	AddressSockets int     `env:"ADDRESS_SOCKETS" envDefault:"500"`
	AddressRate    float64 `env:"ADDRESS_HANDSHAKES" envDefault:"50"` // a second, after four seconds' worth at once
	// Handshakes bounds those of all clients: a storm of reconnects is let in at
	// this rate.
	Handshakes float64 `env:"HANDSHAKES" envDefault:"500"`      // a second, after one second's worth at once
	Messages   float64 `env:"SOCKET_MESSAGES" envDefault:"100"` // a second, after five seconds' worth at once
	Bytes      float64 `env:"SOCKET_BYTES" envDefault:"131072"` // a second, after ten seconds' worth at once
	// MaxAge is how old a socket becomes: platforms end a request at some age
	// without a word. Sockets end in the last eleventh of it.
	MaxAge time.Duration `env:"SOCKET_MAX_AGE" envDefault:"55m"`
}

func (l limits) check() error {
	if l.AddressSockets < 0 || l.AddressRate < 0 || l.Handshakes < 0 || l.Messages < 0 || l.Bytes < 0 || l.MaxAge < 0 {
		return errors.New("read configuration: ADDRESS_SOCKETS, ADDRESS_HANDSHAKES, HANDSHAKES, SOCKET_MESSAGES, SOCKET_BYTES and SOCKET_MAX_AGE must not be below 0")
	}
	return nil
}

// apply sets what sessions may do, with so many proxies in front.
func (l limits) apply(o *engineio.Options, hops int) {
	o.Limits = engineio.Limits{
		Hops:       hops,
		Open:       l.AddressSockets,
		PerAddress: rate(l.AddressRate, 4),
		Handshakes: rate(l.Handshakes, 1),
		Messages:   rate(l.Messages, 5),
		Bytes:      rate(l.Bytes, 10),
	}
	o.MaxAge, o.MaxAgeJitter = l.MaxAge, l.MaxAge/11
}

// rate lets so many seconds' worth go at once.
func rate(perSecond float64, seconds int) engineio.Rate {
	return engineio.Rate{PerSecond: perSecond, Burst: int(perSecond * float64(seconds))}
}
