package pubsub

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// BenchmarkPush measures messages from Publish to the endpoint's answer, with and
// without an order to keep.
func BenchmarkPush(b *testing.B) {
	for _, keys := range []int{0, 1, 100} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			b.Cleanup(endpoint.Close)
			signer, err := NewSigner(b.TempDir(), issuer, email)
			if err != nil {
				b.Fatal(err)
			}
			s, err := Start("127.0.0.1:0", signer, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() {
				if err := s.Close(); err != nil {
					b.Error(err)
				}
			})
			layout := Layout{Project: "p", Topics: []string{"facts"}, Subscriptions: []Subscription{{
				Name: "board", Topic: "facts", Endpoint: endpoint.URL, Audience: audience, Email: email, Ordered: keys > 0,
			}}}
			if err := layout.Apply(b.Context(), s.Addr); err != nil {
				b.Fatal(err)
			}
			api := &publisher{GServer: &s.store.GServer, server: s}
			b.ResetTimer()
			for i := range b.N {
				m := &pubsubpb.PubsubMessage{Data: []byte(`{"round":"x"}`)}
				if keys > 0 {
					m.OrderingKey = fmt.Sprint(i % keys)
				}
				if _, err := api.Publish(b.Context(), &pubsubpb.PublishRequest{Topic: layout.topic("facts"), Messages: []*pubsubpb.PubsubMessage{m}}); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
