package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// command finds terraform on the PATH or where TERRAFORM says. Debian has no package of
// it, so a machine may be without: the rules of this package hold there all the same.
func command(t *testing.T) string {
	t.Helper()
	if name := os.Getenv("TERRAFORM"); name != "" {
		return name
	}
	name, err := exec.LookPath("terraform")
	if err != nil {
		t.Log("no terraform on the PATH and TERRAFORM is not set: format and module tests were not run, only the rules over the files")
		return ""
	}
	return name
}

// run runs terraform in a folder, without the network and without anybody's settings.
func run(t *testing.T, folder string, args ...string) {
	t.Helper()
	name := command(t)
	if name == "" {
		return
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_DATA_DIR="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("terraform %v: %v\n%s", args, err, out)
	}
}

func TestFilesAreFormatted(t *testing.T) {
	t.Parallel()
	run(t, folder, "fmt", "-check", "-recursive", "-diff")
}

func TestModulesPassTheirTests(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Glob(folder + "/modules/*")
	if err != nil || len(modules) == 0 {
		t.Fatalf("no modules found (%v)", err)
	}
	for _, module := range modules {
		run(t, module, "test", "-no-color")
	}
}
