package terraform

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const (
	loadBalancer = `"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`
	internal     = `"INGRESS_TRAFFIC_INTERNAL_ONLY"`
)

// ingress: nothing but the load balancer is reached from outside.
func ingress(c config) (wrong []string) {
	open := make(map[string]bool) // services that the load balancer reaches
	for _, s := range c.resources("google_cloud_run_v2_service") {
		switch s.text("ingress") {
		case loadBalancer:
			open[s.Labels[1]] = true
		case internal:
		default:
			wrong = append(wrong, s.name()+": ingress must be internal, or internal and the load balancer")
		}
	}
	for _, b := range c.resources(".*") {
		b.each(func(_ []string, attr *hclsyntax.Attribute) {
			text := string(attr.Expr.Range().SliceBytes(b.src))
			if !strings.Contains(text, "allUsers") && !strings.Contains(text, "allAuthenticatedUsers") {
				return
			}
			service := strings.TrimSuffix(strings.TrimPrefix(b.text("name"), "google_cloud_run_v2_service."), ".name")
			if b.Labels[0] != "google_cloud_run_v2_service_iam_member" || b.text("role") != `"roles/run.invoker"` || !open[service] {
				wrong = append(wrong, b.name()+": only a service behind the load balancer may be called by everybody")
			}
		})
	}
	for _, b := range c.resources("google_compute_(firewall.*|instance.*|forwarding_rule|region_.*proxy|vpn.*|router.*)|google_vpc_access_.*") {
		wrong = append(wrong, b.name()+": another way into the network than the load balancer")
	}
	for _, b := range c.resources("google_compute_global_forwarding_rule") {
		if !regexp.MustCompile(`^google_compute_target_https?_proxy\.\w+\.id$`).MatchString(b.text("target")) {
			wrong = append(wrong, b.name()+": its target must be a proxy of the load balancer")
		}
	}
	for _, b := range c.resources("google_compute_target_http_proxy") {
		if m := b.text("url_map"); !slices.ContainsFunc(c.resources("google_compute_url_map"), func(u block) bool {
			return m == u.name()+".id" && u.text("default_url_redirect.https_redirect") == "true" && len(u.at("path_matcher")) == 0
		}) {
			wrong = append(wrong, b.name()+": without TLS there is only the redirect")
		}
	}
	for _, b := range c.resources("google_compute_backend_service") {
		if !strings.HasPrefix(b.text("security_policy"), "google_compute_security_policy.") {
			wrong = append(wrong, b.name()+": has no policy at the edge")
		}
	}
	for _, b := range c.resources("google_sql_database_instance") {
		const ip = "settings.ip_configuration"
		if b.text(ip+".ipv4_enabled") != "false" || b.text(ip+".private_network") == "" || len(b.at(ip+".authorized_networks")) > 0 {
			wrong = append(wrong, b.name()+": must have a private address only")
		}
		if b.text(ip+".ssl_mode") != `"ENCRYPTED_ONLY"` {
			wrong = append(wrong, b.name()+": must refuse connections without TLS")
		}
	}
	for _, b := range c.resources("google_redis_instance") {
		if b.text("connect_mode") != `"PRIVATE_SERVICE_ACCESS"` || b.text("auth_enabled") != "true" {
			wrong = append(wrong, b.name()+": must be private and have a password")
		}
	}
	return wrong
}

// direct lists who may name the direct URL or the password in it.
var direct = []string{
	"locals", // the list of secrets
	"google_secret_manager_secret_version.direct_url",
	"google_secret_manager_secret_iam_member.direct_url",
	"google_cloud_run_v2_job.migrate",
	"google_sql_user.owner",
	"ephemeral.random_password.owner",
}

// onlyMigrate: the direct URL is read by the account of the migration job and by no other.
func onlyMigrate(c config) (wrong []string) {
	for _, b := range c.blocks {
		if regexp.MustCompile(`direct-url|direct_url|DIRECT_URL|random_password\.owner`).MatchString(code(b)) && !slices.Contains(direct, b.name()) {
			wrong = append(wrong, b.name()+": has nothing to do with the direct URL")
		}
	}
	readers := 0
	for _, b := range c.resources("google_secret_manager_secret_iam_.*") {
		if b.Labels[0] != "google_secret_manager_secret_iam_member" {
			wrong = append(wrong, b.name()+": rights are granted one by one, as members")
		}
		// A secret that is chosen by each.key alone could be any of them.
		secret := regexp.MustCompile(`^google_secret_manager_secret\.all\["([a-z-]+|scrape-\$\{each\.key\})"\]\.id$`).FindStringSubmatch(b.text("secret_id"))
		if secret == nil {
			wrong = append(wrong, b.name()+": secret_id must name the secret")
			continue
		}
		if b.text("role") != `"roles/secretmanager.secretAccessor"` {
			wrong = append(wrong, b.name()+": the right to a secret is to read it")
		}
		if secret[1] != "direct-url" {
			continue
		}
		readers++
		if b.text("member") != `google_service_account.all["migrate"].member` || b.text("for_each") != "" || b.text("count") != "" {
			wrong = append(wrong, b.name()+": its only reader is migrate")
		}
	}
	if readers != 1 {
		wrong = append(wrong, "direct-url: it must have one reader")
	}
	return wrong
}

// code is the block without its comments.
func code(b block) string {
	return regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(b.all(), "")
}

// writers are the roles that may be granted on the whole project.
var writers = []string{`"roles/logging.logWriter"`, `"roles/monitoring.metricWriter"`, `"roles/cloudtrace.agent"`}

// roles: beyond the writers nothing is granted on the project, save the right to wait for
// an operation, which has no smaller home.
func roles(c config) (wrong []string) {
	waits := make(map[string]bool)
	for _, b := range c.resources("google_project_iam_custom_role") {
		if b.text("permissions") == `["run.operations.get"]` {
			waits[b.name()+".name"] = true
		} else {
			wrong = append(wrong, b.name()+": a role of our own may only wait for operations")
		}
	}
	for _, b := range c.resources("google_(project|folder|organization|billing_account)_iam_.*") {
		switch role := b.text("role"); {
		case b.Labels[0] == "google_project_iam_custom_role":
		case b.Labels[0] != "google_project_iam_member":
			wrong = append(wrong, b.name()+": takes rights from others, or gives them on more than the project")
		case !slices.Contains(writers, role) && !waits[role]:
			wrong = append(wrong, b.name()+": "+role+" on the whole project")
		}
	}
	for _, b := range c.resources(".*_iam_member") {
		if role := b.text("role"); strings.Contains(role, "roles/owner") || strings.Contains(role, "roles/editor") || strings.Contains(strings.ToLower(role), "admin") {
			wrong = append(wrong, b.name()+": "+role+" is more than any account of ours needs")
		}
	}
	for _, b := range c.resources("google_service_account_key") {
		wrong = append(wrong, b.name()+": accounts have no keys")
	}
	return wrong
}

// accounts: every service and every job runs as an account of its own name.
func accounts(c config) (wrong []string) {
	for _, b := range c.resources("google_cloud_run_v2_(service|job)") {
		account := b.text("template.service_account")
		if b.Labels[0] == "google_cloud_run_v2_job" {
			account = b.text("template.template.service_account")
		}
		if account != `google_service_account.all["`+b.Labels[1]+`"].email` {
			wrong = append(wrong, b.name()+": must run as its own account")
		}
	}
	return wrong
}
