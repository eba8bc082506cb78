package terraform

import (
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"sigs.k8s.io/yaml"
)

// documented reports whether a README's table of variables has a name.
func documented(readme, name string) bool {
	return strings.Contains(readme, "`"+name+"`") || strings.HasPrefix(name, "DB_") && strings.Contains(readme, "`DB_*`")
}

func TestWhatIsSetIsWhatIsRead(t *testing.T) {
	t.Parallel()
	c := load(t)
	var all []string // what every service gets
	for _, b := range c.blocks {
		if attr := b.Body.Attributes["environment"]; b.Type == "locals" && attr != nil {
			for _, item := range attr.Expr.(*hclsyntax.ObjectConsExpr).Items {
				name, _ := literal(item.KeyExpr)
				all = append(all, name.AsString())
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("no variable for all services found: has local.environment gone?")
	}
	for _, b := range c.resources("google_cloud_run_v2_(service|job)") {
		place, own := root+"/services/", environment(b)
		if b.Labels[0] == "google_cloud_run_v2_job" || b.Labels[1] == sweep {
			place = root + "/jobs/"
		}
		if b.Labels[0] == "google_cloud_run_v2_service" {
			for _, name := range all {
				own[name] = "for all"
			}
		}
		readme := read(t, place+b.Labels[1]+"/README.md")
		if len(own) == 0 {
			t.Errorf("%s gets no variable", b.name())
		}
		for name := range own {
			if !documented(readme, name) {
				t.Errorf("%s sets %s, which its README does not know", b.name(), name)
			}
		}
	}
}

func TestTheTriggerFitsTheBuild(t *testing.T) {
	t.Parallel()
	var build struct {
		ServiceAccount string            `json:"serviceAccount"`
		Substitutions  map[string]string `json:"substitutions"`
	}
	if err := yaml.Unmarshal([]byte(read(t, root+"/cloudbuild.yaml")), &build); err != nil {
		t.Fatal(err)
	}
	if want := "projects/$PROJECT_ID/serviceAccounts/vegas-build@$PROJECT_ID.iam.gserviceaccount.com"; build.ServiceAccount != want {
		t.Errorf("cloudbuild.yaml runs as %s; the account that may roll out is %s", build.ServiceAccount, want)
	}
	triggers := load(t).resources("google_cloudbuild_trigger")
	if len(triggers) != 1 {
		t.Fatalf("there are %d triggers, want 1", len(triggers))
	}
	if got := triggers[0].text("service_account"); got != `google_service_account.all["build"].id` {
		t.Errorf("the trigger runs builds as %s", got)
	}
	for _, item := range triggers[0].Body.Attributes["substitutions"].Expr.(*hclsyntax.ObjectConsExpr).Items {
		name, _ := literal(item.KeyExpr)
		if _, ok := build.Substitutions[name.AsString()]; !ok {
			t.Errorf("the trigger sets %s, which cloudbuild.yaml does not know", name.AsString())
		}
	}
}

// mostText is what Cloud Monitoring takes as the documentation of a policy.
const mostText = 8 << 10 // bytes

func TestEveryAlertHasAPlaybookThatFits(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `json:"alert"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.Unmarshal([]byte(read(t, root+"/infra/alerts/alerts.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, g := range file.Groups {
		for _, rule := range g.Rules {
			found++
			info, err := os.Stat(root + "/infra/playbooks/" + rule.Alert + ".md")
			if err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
			} else if info.Size() > mostText {
				t.Errorf("the playbook of %s has %d bytes; a policy takes %d", rule.Alert, info.Size(), mostText)
			}
			if s := rule.Labels["severity"]; s != "CRITICAL" && s != "WARNING" {
				t.Errorf("%s: Cloud Monitoring does not know the severity %q", rule.Alert, s)
			}
			if rule.Annotations["summary"] == "" {
				t.Errorf("%s has no summary", rule.Alert)
			}
		}
	}
	if found < 10 {
		t.Errorf("%d alerts found: that cannot be all", found)
	}
}
