package rehearsal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/cloudbuild/apiv1/v2/cloudbuildpb"
)

const root = "../../../.."

func TestTheBuildEndsAsItMust(t *testing.T) {
	for _, r := range All {
		t.Run(r.Name, func(t *testing.T) { // one after another: they build the same images
			if err := r.Play(t.Context(), root, t.Output()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheBuildIsReadStrictlyAndKeepsItsRules(t *testing.T) {
	t.Parallel()
	file := filepath.Join(root, "cloudbuild.yaml")
	b, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.GetOptions().GetLogging() != cloudbuildpb.BuildOptions_CLOUD_LOGGING_ONLY {
		t.Error("the log goes elsewhere")
	}
	if !strings.Contains(b.GetServiceAccount(), "/serviceAccounts/vegas-build@") {
		t.Errorf("it runs as %q", b.GetServiceAccount())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "serviceAccount:")
	for name := range b.GetSubstitutions() {
		if !strings.Contains(head, "#   "+name+" ") {
			t.Errorf("%s is not explained at the head of the file", name)
		}
	}
	broken := filepath.Join(t.TempDir(), "cloudbuild.yaml")
	if err := os.WriteFile(broken, append(text, "timeuot: 5s\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(broken); err == nil {
		t.Error("an unknown field was accepted")
	}
}

func TestSubstitutionsAreExpandedOrRefused(t *testing.T) {
	t.Parallel()
	b := &cloudbuildpb.Build{Substitutions: map[string]string{"_A": "x-$PROJECT_ID", "_B": "${COMMIT_SHA}"}}
	given := map[string]string{"PROJECT_ID": "p", "BUILD_ID": "b", "COMMIT_SHA": "c", "_B": "mine"}
	values, err := substitutions(b, given)
	if err != nil || values["_A"] != "x-p" || values["_B"] != "mine" {
		t.Errorf("got %v, %v", values, err)
	}
	given["_C"] = "z"
	if _, err := substitutions(b, given); err == nil {
		t.Error("a substitution that there is not was accepted")
	}
	if _, err := expand("$NOBODY", values); !errors.Is(err, errUnknown) {
		t.Errorf("got %v", err)
	}
	if _, err := substitutions(b, map[string]string{"PROJECT_ID": "p"}); err == nil {
		t.Error("a build without an id was accepted")
	}
}
