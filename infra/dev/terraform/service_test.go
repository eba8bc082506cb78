package terraform

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// websocket: what sockets need of the service that holds them.
func websocket(c config) (wrong []string) {
	want := map[string]string{
		"template.timeout":                                 `"3600s"`,
		"template.max_instance_request_concurrency":        "var.services.realtime.concurrency",
		"template.session_affinity":                        "true",
		"template.execution_environment":                   `"EXECUTION_ENVIRONMENT_GEN2"`,
		"template.containers.resources.cpu_idle":           "false",
		"template.containers.resources.startup_cpu_boost":  "true",
		"template.vpc_access.egress":                       `"PRIVATE_RANGES_ONLY"`,
		"template.containers.liveness_probe.http_get.path": `"/live"`,
		"template.containers.startup_probe.http_get.path":  `"/ready"`,
	}
	found := false
	for _, s := range c.resources("google_cloud_run_v2_service") {
		if s.Labels[1] != "realtime" {
			continue
		}
		found = true
		for path, text := range want {
			if got := s.text(path); got != text {
				wrong = append(wrong, fmt.Sprintf("%s: %s is %s, want %s", s.name(), path, got, text))
			}
		}
	}
	if !found {
		wrong = append(wrong, "there is no service realtime")
	}
	return wrong
}

// sweep is no part of a release: one container, whose connections count as those of a job.
const sweep = "sweep"

// gates: what the gate sets is not undone by Terraform.
func gates(c config) (wrong []string) {
	ignored := map[string][]string{
		"google_cloud_run_v2_service":     {"template[0].containers[0].image", "template[0].revision", "template[0].labels", "traffic", "client", "client_version"},
		"google_cloud_run_v2_job.migrate": {"template[0].template[0].containers[0].image", "annotations", "client", "client_version"},
	}
	for _, b := range c.resources("google_cloud_run_v2_(service|job)") {
		if b.Labels[1] == sweep {
			continue // Terraform decides what runs there
		}
		list := strings.FieldsFunc(b.text("lifecycle.ignore_changes"), func(r rune) bool { return strings.ContainsRune(", ", r) })
		for _, want := range slices.Concat(ignored[b.Labels[0]], ignored[b.name()]) {
			if !slices.Contains(list, want) && !slices.Contains(list, "["+want) {
				wrong = append(wrong, b.name()+": ignore_changes lacks "+want)
			}
		}
		if containers := slices.Concat(b.at("template.containers"), b.at("template.template.containers")); len(containers) == 0 || containers[0].text("name") != `"`+b.Labels[1]+`"` {
			wrong = append(wrong, b.name()+": the first container must be its own: the gate sets the image of that one")
		}
		if len(b.at("traffic")) > 0 {
			wrong = append(wrong, b.name()+": traffic is the gate's")
		}
	}
	return wrong
}

// protection: what holds data or serves players cannot be destroyed by a mistake.
func protection(c config) (wrong []string) {
	want := map[string][]string{
		"google_cloud_run_v2_service":  {"deletion_protection", "lifecycle.prevent_destroy"},
		"google_cloud_run_v2_job":      {"deletion_protection", "lifecycle.prevent_destroy"},
		"google_sql_database_instance": {"deletion_protection", "settings.deletion_protection_enabled", "lifecycle.prevent_destroy", "settings.backup_configuration.enabled", "settings.backup_configuration.point_in_time_recovery_enabled"},
		"google_redis_instance":        {"deletion_protection"},
		"google_secret_manager_secret": {"deletion_protection"},
	}
	for kind, paths := range want {
		found := c.resources(kind)
		if len(found) == 0 {
			wrong = append(wrong, "there is no "+kind)
		}
		for _, b := range found {
			for _, path := range paths {
				if b.text(path) != "true" {
					wrong = append(wrong, b.name()+": "+path+" must be true")
				}
			}
		}
	}
	return wrong
}

// bound: the numbers that the budget counts are the ones that are deployed.
func bound(c config) (wrong []string) {
	want := func(b block, what, got, text string) {
		if got != text {
			wrong = append(wrong, fmt.Sprintf("%s: %s is %q, want %s", b.name(), what, got, text))
		}
	}
	for _, s := range c.resources("google_cloud_run_v2_service") {
		prefix, vars := "var.services."+s.Labels[1]+".", environment(s)
		if s.Labels[1] == sweep {
			want(s, "max_instance_count", s.text("template.scaling.max_instance_count"), "1")
			want(s, "MAX_DB_CONNECTIONS", vars["MAX_DB_CONNECTIONS"], "var.jobs.sweep.pool")
			continue
		}
		want(s, "max_instance_count", s.text("template.scaling.max_instance_count"), prefix+"max_instances")
		if _, ok := vars["DATABASE_URL"]; !ok {
			continue
		}
		want(s, "MAX_DB_CONNECTIONS", vars["MAX_DB_CONNECTIONS"], prefix+"pool")
		want(s, "MAX_INSTANCES", vars["MAX_INSTANCES"], prefix+"max_instances")
		want(s, "DB_BUDGET", vars["DB_BUDGET"], `module.budget.services["`+s.Labels[1]+`"]`)
		if !strings.Contains(code(module(c, "budget")), s.Labels[1]+" ") {
			wrong = append(wrong, s.name()+": is not in the budget")
		}
	}
	for _, j := range c.resources("google_cloud_run_v2_job") {
		if j.text("template.template.max_retries") != "0" {
			wrong = append(wrong, j.name()+": max_retries must be 0")
		}
		if _, ok := environment(j)["DATABASE_URL"]; ok {
			want(j, "MAX_DB_CONNECTIONS", environment(j)["MAX_DB_CONNECTIONS"], "var.jobs."+j.Labels[1]+".pool")
		}
	}
	want(module(c, "budget"), "max_connections", module(c, "budget").text("max_connections"), "var.database.max_connections")
	want(module(c, "budget"), "jobs", module(c, "budget").text("jobs"), "var.jobs")
	for _, d := range c.resources("google_sql_database_instance") {
		if !regexp.MustCompile(`name\s+= "max_connections"\s+value = var\.database\.max_connections`).MatchString(d.all()) {
			wrong = append(wrong, d.name()+": max_connections must be the budget's")
		}
	}
	return wrong
}

func module(c config, name string) block {
	for _, b := range c.blocks {
		if b.Type == "module" && b.Labels[0] == name {
			return b
		}
	}
	return block{Block: &hclsyntax.Block{Type: "module", Labels: []string{name}, Body: &hclsyntax.Body{}}}
}

// environment is what the first container of a service or job gets: the source of each
// value, or "secret". Variables that all services get are left out.
func environment(b block) map[string]string {
	containers := slices.Concat(b.at("template.containers"), b.at("template.template.containers"))
	vars := make(map[string]string)
	if len(containers) == 0 {
		return vars
	}
	for _, env := range containers[0].at("env") {
		if name, ok := literal(env.Body.Attributes["name"].Expr); ok {
			vars[name.AsString()] = env.text("value")
			if len(env.at("value_source")) > 0 {
				vars[name.AsString()] = "secret"
			}
		}
	}
	for _, dynamic := range containers[0].at("dynamic") {
		expr := dynamic.Body.Attributes["for_each"].Expr
		if call, ok := expr.(*hclsyntax.FunctionCallExpr); ok { // merge(what all get, {...})
			expr = call.Args[len(call.Args)-1]
		}
		object, ok := expr.(*hclsyntax.ObjectConsExpr)
		if !ok {
			continue
		}
		for _, item := range object.Items {
			if name, ok := literal(item.KeyExpr); ok {
				vars[name.AsString()] = string(item.ValueExpr.Range().SliceBytes(b.src))
			}
		}
	}
	return vars
}

// digests: no image is named by a tag.
func digests(c config) (wrong []string) {
	for _, b := range c.resources("google_cloud_run_v2_(service|job)") {
		b.each(func(_ []string, attr *hclsyntax.Attribute) {
			if attr.Name != "image" {
				return
			}
			text := string(attr.Expr.Range().SliceBytes(b.src))
			if !strings.HasPrefix(text, "local.images.") && text != "var.collector_image" {
				wrong = append(wrong, b.name()+": "+text+" is not an image by digest")
			}
		})
	}
	for _, name := range []string{"var.images", "var.sweep_image", "var.collector_image"} {
		if !slices.ContainsFunc(c.blocks, func(b block) bool {
			return b.name() == name && strings.Contains(b.text("validation.condition"), "@sha256:[0-9a-f]{64}$")
		}) {
			wrong = append(wrong, name+": must be refused without a digest")
		}
	}
	return wrong
}
