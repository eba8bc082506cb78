package localpg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// install puts programs that only know their version into a folder.
func install(t *testing.T, version string) string {
	t.Helper()
	folder := t.TempDir()
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestTheFolderOfVEGAS_PG_BINIsUsed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version string
		want    int
	}{{"15.14 (Debian 15.14-0+deb12u1)", 15}, {"18beta1", 18}, {"9.6.24", 9}} {
		folder := install(t, c.version)
		b, err := findBinaries(func(string) string { return folder }, 0)
		if err != nil || b.major != c.want || b.folder != folder {
			t.Errorf("%s: got %+v, %v", c.version, b, err)
		}
	}
}

func TestMissingBinariesNameTheCommandThatInstallsThem(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	_, err := findBinaries(func(string) string { return empty }, 0)
	if !errors.Is(err, ErrNoBinaries) || !strings.Contains(err.Error(), "apt-get install -y postgresql") {
		t.Errorf("got %v", err)
	}
}

func TestAClusterOfAnotherVersionIsNotOpened(t *testing.T) {
	t.Parallel()
	folder := install(t, "17.2")
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	major, err := clusterMajor(data)
	if err != nil || major != 15 {
		t.Fatalf("got %d, %v", major, err)
	}
	_, err = findBinaries(func(string) string { return folder }, major)
	if err == nil || !strings.Contains(err.Error(), "only version 17") {
		t.Errorf("got %v", err)
	}
}
