/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Squid: headers by which Microsoft, Google and Slack keep sign-ins from our network to the firm's own
 * organizations. They are put into requests, so the proxy must open TLS (ssl_bump) to the hosts where people
 * sign in, and to no other.
 *
 * Sources, each of the vendor:
 * - Microsoft Entra, "Restrict access to a tenant": Restrict-Access-To-Tenants and Restrict-Access-Context to
 *   login.microsoftonline.com, login.microsoft.com and login.windows.net;
 *   sec-Restrict-Tenant-Access-Policy: restrict-msa to login.live.com, where personal accounts sign in.
 * - Google Workspace, "Block access to consumer accounts": X-GoogApps-Allowed-Domains to google.com and
 * below.
 * - Slack, "Approve Slack workspaces for your network": X-Slack-Allowed-Workspaces-Requester (one) and
 *   X-Slack-Allowed-Workspaces to slack.com and below.
 *
 * What a client says of this itself is taken away.
 */
#include "policy/export/targets.h"
#include "policy/tenants.h"

enum { HOSTS_MOST = 3 };

struct vendor {
    const char *acl;
    const char *hosts[HOSTS_MOST + 1];
};

static const struct vendor microsoft = {
    "imward_microsoft",
    { "login.microsoftonline.com", "login.microsoft.com", "login.windows.net", NULL },
};
static const struct vendor microsoft_personal = { "imward_microsoft_personal", { "login.live.com", NULL } };
static const struct vendor google = { "imward_google", { ".google.com", NULL } };
static const struct vendor slack = { "imward_slack", { ".slack.com", NULL } };

/* Where a vendor's requests go, and that TLS to there is opened. */
static void print_vendor(const struct vendor *v, FILE *out)
{
    fputs("\n", out);
    for (unsigned i = 0; v->hosts[i] != NULL; i++)
        fprintf(out, "acl %s dstdomain %s\n", v->acl, v->hosts[i]);
    for (unsigned i = 0; v->hosts[i] != NULL; i++)
        fprintf(out, "acl %s_tls ssl::server_name %s\n", v->acl, v->hosts[i]);
    fprintf(out, "ssl_bump bump %s_tls\n", v->acl);
}

static void print_header(const struct vendor *v, const char *header, const struct string_list *values,
                         FILE *out)
{
    fprintf(out, "request_header_access %s deny %s\nrequest_header_add %s \"", header, v->acl, header);
    for (unsigned i = 0; i < values->count; i++)
        fprintf(out, "%s%s", i > 0 ? "," : "", values->at[i]);
    fprintf(out, "\" %s\n", v->acl);
}

static void print_single(const struct vendor *v, const char *header, const char *value, FILE *out)
{
    print_header(v, header, &(struct string_list){ &value, 1 }, out);
}

static void print_head(const struct export_plan *plan, const struct export_options *o, FILE *out)
{
    plan_print_origin(plan, o, "squid-tenants", "# ", out);
    fputs(
        "# The section `tenants` of the policy, and nothing else of it: firm against personal tenant.\n"
        "# not expressed: clients around the proxy, programs that trust no other authority (pinning), and\n"
        "# sign-ins kept from before.\n"
        "# Needs squid-openssl with ssl_bump, and clients that trust the proxy's authority:\n"
        "#     http_port 3128 ssl-bump tls-cert=/etc/squid/ca.pem generate-host-certificates=on\n"
        "#     sslcrtd_program /usr/lib/squid/security_file_certgen -s /var/lib/squid/ssl_db -M 4MB\n"
        "# Include it before other ssl_bump lines; end those with \"ssl_bump splice all\", so that nothing\n"
        "# else is opened.\n",
        out);
}

bool export_squid_tenants(const struct export_plan *plan, const struct export_options *o, FILE *out,
                          struct imw_error_info *err)
{
    const struct policy_tenants *t = policy_tenants(plan_policy(plan));

    if (t == NULL)
        return error_set(
            err, IMW_ERROR_VALUE,
            "the policy has no section 'tenants', which says what organizations are the firm's own");
    if (!o->bare)
        print_head(plan, o, out);
    fputs("\nacl imward_tenants_step1 at_step SslBump1\nssl_bump peek imward_tenants_step1\n", out);
    if (t->microsoft_directory != NULL) {
        print_vendor(&microsoft, out);
        print_header(&microsoft, "Restrict-Access-To-Tenants", &t->microsoft_domains, out);
        print_single(&microsoft, "Restrict-Access-Context", t->microsoft_directory, out);
        print_vendor(&microsoft_personal, out);
        print_single(&microsoft_personal, "sec-Restrict-Tenant-Access-Policy", "restrict-msa", out);
    }
    if (t->google_domains.count > 0) {
        print_vendor(&google, out);
        print_header(&google, "X-GoogApps-Allowed-Domains", &t->google_domains, out);
    }
    if (t->slack_requester != NULL) {
        print_vendor(&slack, out);
        print_single(&slack, "X-Slack-Allowed-Workspaces-Requester", t->slack_requester, out);
        print_header(&slack, "X-Slack-Allowed-Workspaces", &t->slack_workspaces, out);
    }
    return true;
}
