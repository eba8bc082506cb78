package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// Who signs deliveries in these tests.
const (
	issuer   = "https://push.test"
	audience = "https://events.test/push/leaderboard"
	email    = "push@test.iam.gserviceaccount.com"
	keyID    = "push-1"
)

// sender delivers as Pub/Sub does.
type sender struct {
	t      testing.TB
	key    *rsa.PrivateKey
	client http.Client
	env    []string // makes the service accept this sender
}

func newSender(t testing.TB) *sender {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{t: t, key: key, client: http.Client{Timeout: patience}}
	t.Cleanup(s.client.CloseIdleConnections)
	encode := base64.RawURLEncoding.EncodeToString
	set := fmt.Sprintf(`{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"n":%q,"e":%q}]}`,
		keyID, encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes()))
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, []byte(set), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = []string{"PUSH_JWKS_FILE=" + file, "PUSH_ISSUER=" + issuer, "PUSH_AUDIENCE=" + audience, "PUSH_EMAIL=" + email}
	return s
}

// token signs an identity token with some claims changed.
func (s *sender) token(changed jwt.MapClaims) string {
	s.t.Helper()
	claims := jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "1", "email": email, "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range changed {
		claims[name] = value
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = keyID
	text, err := token.SignedString(s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// post delivers a body and returns status and problem code; 0 means no answer.
func (s *sender) post(url, token string, body []byte) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	var p problem.Problem
	_ = json.Unmarshal(answer, &p) // empty after success
	return resp.StatusCode, string(p.Code)
}

// settled is the envelope of a new fact about the player.
func settled(t testing.TB, player uuid.UUID, name string, stake, payout money.Amount, at time.Time) []byte {
	t.Helper()
	data, err := json.Marshal(event.RoundSettled{
		Round: uuid.Must(uuid.NewV7()), Player: player, Name: name, Game: "dice", Table: "dice-1", Rules: "dice/1",
		Asset: money.Play, Stake: stake, Payout: payout, SettledAt: at,
	})
	if err != nil {
		t.Fatal(err)
	}
	return envelope(t, event.TypeRoundSettled, data)
}

// envelope wraps data as the facts topic's push subscription does.
func envelope(t testing.TB, kind string, data []byte) []byte {
	t.Helper()
	e := event.Event{ID: uuid.Must(uuid.NewV7()), Source: event.Source, Type: kind, Subject: "dice-1", Time: time.Now(), Data: data}
	body, err := json.Marshal(map[string]any{
		"subscription": "projects/test/subscriptions/leaderboard", "deliveryAttempt": 1,
		"message": map[string]any{
			"attributes": e.Attributes(), "data": data, "messageId": "1", "message_id": "1", "orderingKey": "dice-1",
			"publishTime": time.Now().Format(time.RFC3339Nano), "publish_time": time.Now().Format(time.RFC3339Nano),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}
