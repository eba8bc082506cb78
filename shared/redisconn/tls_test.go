package redisconn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/child"
	"github.com/vegascore/vegascore/shared/redistest"
)

// certificate writes a certificate of 127.0.0.1 that vouches for itself, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert", "CERTIFICATE", public), write("key", "EC PRIVATE KEY", secret)
}

func TestTLSTrustsTheAuthoritiesThatAreNamed(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	port, err := child.Port()
	if err != nil {
		t.Fatal(err)
	}
	redistest.Server(t, map[string]string{
		"tls-port": strconv.Itoa(port), "tls-cert-file": cert, "tls-key-file": key, "tls-ca-cert-file": cert, "tls-auth-clients": "no",
	})
	address := "rediss://127.0.0.1:" + strconv.Itoa(port)
	if err := open(t, address+"?ca_file="+url.QueryEscape(cert)).Ping(t.Context()).Err(); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	if err := open(t, address).Ping(t.Context()).Err(); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without: %v; want a certificate that nobody knows", err)
	}
	if err := open(t, address+"?skip_verify=true").Ping(t.Context()).Err(); err != nil {
		t.Errorf("unverified: %v", err)
	}
}
