package terraform

import (
	"strings"
	"testing"
)

// rules say what is wrong with a config.
var rules = map[string]func(config) []string{
	"ingress":     ingress,
	"onlyMigrate": onlyMigrate,
	"roles":       roles,
	"accounts":    accounts,
	"websocket":   websocket,
	"gates":       gates,
	"protection":  protection,
	"bound":       bound,
	"digests":     digests,
	"references":  references,
}

func TestTheConfigurationKeepsTheRules(t *testing.T) {
	t.Parallel()
	c := load(t)
	for name, rule := range rules {
		for _, wrong := range rule(c) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// bad are changes to the configuration, each of which a rule must refuse. An empty old
// text means that the new one is added to the file.
var bad = []struct {
	name, rule, file, old, new string
}{
	{"a service for everybody", "ingress", "service_realtime.tf", `"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`, `"INGRESS_TRAFFIC_ALL"`},
	{"a service that says nothing of its ingress", "ingress", "service_actions.tf", `ingress             = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`, ``},
	{"everybody may push", "ingress", "service_events.tf", `google_service_account.all["push"].member`, `"allUsers"`},
	{"everybody reads a topic", "ingress", "pubsub.tf", `member   = google_service_account.all[each.key].member`, `member = "allAuthenticatedUsers"`},
	{"a hole in the firewall", "ingress", "network.tf", "", `resource "google_compute_firewall" "all" { source_ranges = ["0.0.0.0/0"] }`},
	{"a forwarding rule past the load balancer", "ingress", "loadbalancer.tf", "", `resource "google_compute_forwarding_rule" "other" { target = "anything" }`},
	{"players without TLS", "ingress", "loadbalancer.tf", `google_compute_url_map.redirect.id`, `google_compute_url_map.front.id`},
	{"a backend without a policy", "ingress", "loadbalancer.tf", `security_policy       = google_compute_security_policy.edge.id`, ``},
	{"a database with a public address", "ingress", "database.tf", `ipv4_enabled    = false`, `ipv4_enabled = true`},
	{"a database that lets a network in", "ingress", "database.tf", `ssl_mode        = "ENCRYPTED_ONLY"`, "ssl_mode = \"ENCRYPTED_ONLY\"\n authorized_networks { value = \"0.0.0.0/0\" }"},
	{"a database that speaks without TLS", "ingress", "database.tf", `"ENCRYPTED_ONLY"`, `"ALLOW_UNENCRYPTED_AND_ENCRYPTED"`},
	{"Redis without a password", "ingress", "redis.tf", `auth_enabled            = true`, `auth_enabled = false`},

	{"another reader of the direct URL", "onlyMigrate", "secrets.tf", `member    = google_service_account.all["migrate"].member`, `member = google_service_account.all["build"].member`},
	{"more readers of the direct URL", "onlyMigrate", "secrets.tf", `resource "google_secret_manager_secret_iam_member" "direct_url" {`, "resource \"google_secret_manager_secret_iam_member\" \"direct_url\" {\n for_each = toset([\"migrate\", \"actions\"])"},
	{"a second grant of the direct URL", "onlyMigrate", "secrets.tf", "", `resource "google_secret_manager_secret_iam_member" "more" {
		secret_id = google_secret_manager_secret.all["direct-url"].id
		role      = "roles/secretmanager.secretAccessor"
		member    = google_service_account.all["migrate"].member
	}`},
	{"a grant of every secret", "onlyMigrate", "secrets.tf", `google_secret_manager_secret.all["database-url"].id
  role`, `google_secret_manager_secret.all[each.key].id
  role`},
	{"a list of readers that replaces ours", "onlyMigrate", "secrets.tf", "", `resource "google_secret_manager_secret_iam_binding" "b" {
		secret_id = google_secret_manager_secret.all["token-keys"].id
		role      = "roles/secretmanager.secretAccessor"
		members   = []
	}`},
	{"a service with the direct URL", "onlyMigrate", "service_actions.tf", `google_secret_manager_secret.all["database-url"].secret_id`, `google_secret_manager_secret.all["direct-url"].secret_id`},
	{"the owner's password in the pooled URL", "onlyMigrate", "secrets.tf", `${ephemeral.random_password.app.result}`, `${ephemeral.random_password.owner.result}`},
	{"nobody reads the direct URL", "onlyMigrate", "secrets.tf", `secret_id = google_secret_manager_secret.all["direct-url"].id`, `secret_id = google_secret_manager_secret.all["redis-url"].id`},

	{"an editor", "roles", "accounts.tf", `"roles/logging.logWriter"`, `"roles/editor"`},
	{"every secret of the project", "roles", "accounts.tf", `"roles/cloudtrace.agent"`, `"roles/secretmanager.secretAccessor"`},
	{"a role that can do more", "roles", "accounts.tf", `["run.operations.get"]`, `["run.operations.get", "run.services.setIamPolicy"]`},
	{"rights that replace all others", "roles", "accounts.tf", `"google_project_iam_member" "logs"`, `"google_project_iam_binding" "logs"`},
	{"an administrator of one service", "roles", "service_events.tf", `"roles/run.developer"`, `"roles/run.admin"`},
	{"a key", "roles", "accounts.tf", "", `resource "google_service_account_key" "k" { service_account_id = google_service_account.all["build"].name }`},

	{"two services with one account", "accounts", "service_events.tf", `google_service_account.all["events"].email`, `google_service_account.all["actions"].email`},
	{"a job with the default account", "accounts", "job_sweep.tf", `service_account       = google_service_account.all["sweep"].email`, ``},

	{"sockets that end after five minutes", "websocket", "service_realtime.tf", `"3600s"`, `"300s"`},
	{"sockets without CPU", "websocket", "service_realtime.tf", `cpu_idle          = false`, `cpu_idle          = true`},
	{"sockets that jump", "websocket", "service_realtime.tf", `session_affinity                 = true`, `session_affinity = false`},
	{"the first generation", "websocket", "service_realtime.tf", `GEN2`, `GEN1`},
	{"more sockets than the platform gives", "websocket", "service_realtime.tf", `= var.services.realtime.concurrency`, `= 2000`},
	{"a restart for each outage", "websocket", "service_realtime.tf", `"/live"`, `"/health"`},

	{"an image that goes back", "gates", "service_actions.tf", "      template[0].containers[0].image,\n", ""},
	{"traffic that goes back", "gates", "service_realtime.tf", "      traffic,\n", ""},
	{"a client that goes back", "gates", "service_events.tf", "      client,\n", ""},
	{"a migration that goes back", "gates", "job_migrate.tf", "template[0].template[0].containers[0].image,", ""},
	{"more than one sweep", "bound", "service_sweep.tf", "max_instance_count = 1", "max_instance_count = 2"},
	{"a collector before the service", "gates", "service_events.tf", `name  = "events"`, `name  = "other"`},

	{"a database that may go", "protection", "database.tf", `deletion_protection = true`, `deletion_protection = false`},
	{"a database that may go by the console", "protection", "database.tf", `deletion_protection_enabled = true`, `deletion_protection_enabled = false`},
	{"no way back to a moment", "protection", "database.tf", `point_in_time_recovery_enabled = true`, ``},
	{"a service that may go", "protection", "service_realtime.tf", `deletion_protection = true`, ``},

	{"more containers than the budget counts", "bound", "service_actions.tf", `max_instance_count = var.services.actions.max_instances`, `max_instance_count = 100`},
	{"more connections than the budget counts", "bound", "service_events.tf", `= var.services.events.pool`, `= 50`},
	{"a service outside of the budget", "bound", "database.tf", `    events  = {`, `    other = {`},
	{"another database than the budget's", "bound", "database.tf", `value = var.database.max_connections`, `value = 100`},
	{"a job with more connections", "bound", "job_sweep.tf", `var.jobs.sweep.pool`, `20`},
	{"a migration that is tried again", "bound", "job_migrate.tf", `max_retries           = 0`, `max_retries = 3`},

	{"an image by tag", "digests", "service_realtime.tf", `local.images.realtime`, `"realtime:latest"`},
	{"a variable that takes a tag", "digests", "variables.tf", `"^[^@ ]+@sha256:[0-9a-f]{64}$", i`, `".*", i`},

	{"a name that does not exist", "references", "outputs.tf", `google_compute_global_address.front.address`, `google_compute_global_address.back.address`},
	{"a variable that does not exist", "references", "redis.tf", `var.redis.memory_gb`, `var.memory`},
}

func TestASeededFaultIsFound(t *testing.T) {
	t.Parallel()
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := texts(t)
			text := files[test.file]
			switch {
			case test.old == "":
				files[test.file] = text + "\n" + test.new + "\n"
			case !strings.Contains(text, test.old):
				t.Fatalf("%s does not contain %q: the seeded fault is out of date", test.file, test.old)
			default:
				files[test.file] = strings.Replace(text, test.old, test.new, 1)
			}
			c, err := parse(files)
			if err != nil {
				t.Fatal(err)
			}
			if wrong := rules[test.rule](c); len(wrong) == 0 {
				t.Errorf("the rule %s has nothing against it", test.rule)
			}
		})
	}
}
