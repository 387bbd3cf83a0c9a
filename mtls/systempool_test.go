package mtls_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tenon-auth/tenon/mtls"
)

// leafOfSystemCA names the file that tells the child process of the test below which certificate to try.
const leafOfSystemCA = "TENON_TEST_LEAF_OF_SYSTEM_CA"

// An operator who forgets the pool of client CAs must not get the system's instead, where anybody can buy a certificate (RFC
// 8705 §7.4). The system's pool is read once in a process, so a process of its own is told to trust the CA of this test.
func TestVerifyClientNeverUsesTheSystemPool(t *testing.T) {
	if path := os.Getenv(leafOfSystemCA); path != "" {
		checkSystemPoolUnused(t, path)
		return
	}
	ca := newAuthority(t, "public web CA")
	dir := t.TempDir()
	caFile := writePEM(t, dir, "ca.pem", ca.cert)
	leafFile := writePEM(t, dir, "leaf.pem", ca.issue(nil).Certificate)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVerifyClientNeverUsesTheSystemPool$", "-test.v")
	child.Env = append(os.Environ(), "SSL_CERT_FILE="+caFile, "SSL_CERT_DIR="+dir, leafOfSystemCA+"="+leafFile)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func checkSystemPoolUnused(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	clientAuth := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := leaf.Verify(x509.VerifyOptions{CurrentTime: noon, KeyUsages: clientAuth}); err != nil {
		t.Skipf("NOT RUN: this system takes its pool from elsewhere than SSL_CERT_FILE: %v", err)
	}
	if err := mtls.VerifyClient(leaf, nil, nil, noon); err == nil {
		t.Error("without a pool of client CAs, a certificate of the system's pool was accepted")
	}
}

func writePEM(t *testing.T, dir, name string, c *x509.Certificate) string {
	t.Helper()
	path := filepath.Join(dir, name)
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
