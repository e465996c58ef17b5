/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory, by libldap. Each call opens its own connection and closes it.
 *
 * A list of people that was cut (a size limit, a time limit, a referral) is an error: whoever is missing from
 * it would be taken for a leaver.
 */
#include "program/ldap.h"
#include "base/text.h"
#include <errno.h>
#include <ldap.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE = 500,
    TIMEOUT_S = 15,
    SEARCH_TIMEOUT_S = 120, /* one page of people */
    AD_DISABLED = 2,        /* userAccountControl: ACCOUNTDISABLE */
};

/* ---- settings ---- */

static const struct {
    const char *name, *open, *ad;
} attributes[] = {
#define X(id, name, open, ad) { name, open, ad },
    LDAP_ATTRIBUTES(X)
#undef X
};

static bool wrong(struct imw_error_info *err, const char *key, const char *text)
{
    error_set(err, IMW_ERROR_VALUE, "%s", text);
    if (err != NULL)
        snprintf(err->key, sizeof err->key, "ldap.%s", key);
    return false;
}

static bool check_url(const struct ldap_settings *s, struct imw_error_info *err)
{
    LDAPURLDesc *u = NULL;

    if (strpbrk(s->url, " ,\t") != NULL || ldap_url_parse(s->url, &u) != LDAP_URL_SUCCESS || u == NULL)
        return wrong(err, "url",
                     "the URL of the directory is ldaps://NAME or ldap://NAME, with :PORT where it is "
                     "not the usual one");
    bool tls = strcmp(u->lud_scheme, "ldaps") == 0, clear = strcmp(u->lud_scheme, "ldap") == 0;
    bool host = u->lud_host != NULL && u->lud_host[0] != '\0',
         more = u->lud_dn != NULL && u->lud_dn[0] != '\0';
    ldap_free_urldesc(u);
    if ((!tls && !clear) || !host || more)
        return wrong(err, "url",
                     "the URL of the directory is ldaps://NAME or ldap://NAME; what is asked for is in "
                     "other settings");
    if (tls && s->start_tls)
        return wrong(err, "start_tls", "ldaps:// is TLS already: StartTLS is for ldap://");
    if (clear && !s->start_tls && !s->plain)
        return wrong(err, "url", "ldap:// sends passwords in the clear: take ldaps://, or turn StartTLS on");
    return true;
}

/* One filter within its parentheses, which are in pairs. */
static bool check_filter(const char *filter)
{
    unsigned depth = 0;
    size_t len = strlen(filter);

    if (len < 3 || filter[0] != '(' || filter[len - 1] != ')')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (filter[i] == '(')
            depth++;
        if (filter[i] == ')' && depth-- == 0)
            return false;
        if (depth == 0 && i + 1 < len)
            return false;
    }
    return depth == 0;
}

static bool is_dn(const char *text)
{
    LDAPDN dn = NULL;
    bool is = ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS && dn != NULL;

    ldap_dnfree(dn);
    return is;
}

/* Names of attributes, apart by bars: letters, digits, hyphens and semicolons. */
static bool is_attribute(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!(ascii_lower((uint8_t)*c) >= 'a' && ascii_lower((uint8_t)*c) <= 'z') &&
            !(*c >= '0' && *c <= '9') && *c != '-' && *c != ';' && *c != '|' && *c != '.')
            return false;
    return strlen(text) < 100;
}

static bool check_settings(const struct ldap_settings *s, struct imw_error_info *err)
{
    if (!check_url(s, err))
        return false;
    if (s->base[0] == '\0' || !is_dn(s->base))
        return wrong(err, "base", "the base is where people are, such as ou=people,dc=bank,dc=example");
    if (s->bind_dn[0] != '\0' && strchr(s->bind_dn, '=') != NULL && !is_dn(s->bind_dn))
        return wrong(err, "bind_dn",
                     "the name to sign in with is a DN, such as cn=imward,dc=bank,dc=example");
    if (s->bind_dn[0] != '\0' && s->password[0] == '\0')
        return wrong(err, "password", "a name to sign in with needs its password");
    if (!check_filter(s->filter))
        return wrong(err, "filter", "a filter is (attribute=value), with all its parentheses closed");
    if (s->group_base[0] != '\0' && !is_dn(s->group_base))
        return wrong(err, "group_base", "the base of groups is a DN, such as ou=groups,dc=bank,dc=example");
    if (s->ca[0] != '\0' && strstr(s->ca, "-----BEGIN CERTIFICATE-----") == NULL)
        return wrong(err, "ca", "the authority's certificate is PEM, beginning -----BEGIN CERTIFICATE-----");
    for (unsigned i = 0; i < DIRECTORY_ATTRIBUTES; i++)
        if (!is_attribute(s->attribute[i]))
            return wrong(err, "attributes",
                         "an attribute has letters, digits and hyphens; alternatives are apart "
                         "by |");
    if (s->attribute[DIRECTORY_NUMBER][0] == '\0' || s->attribute[DIRECTORY_NAME][0] == '\0' ||
        s->attribute[DIRECTORY_LOGIN][0] == '\0')
        return wrong(err, "attributes", "number, name and login need an attribute");
    return true;
}

static const char *or_usual(const char *text, const char *usual)
{
    return text != NULL && text[0] != '\0' ? text : usual;
}

bool ldap_settings_init(struct ldap_settings *s, const struct ldap_texts *t, struct imw_error_info *err)
{
    const char *kind = or_usual(t->kind, "openldap"), *name;
    bool ad = strcmp(kind, "ad") == 0, all = true;
    json_t *value;

    if (!ad && strcmp(kind, "openldap") != 0)
        return wrong(err, "kind", "the kind of directory is openldap or ad");
    *s = (struct ldap_settings){
        .ad = ad,
        .start_tls = t->start_tls,
        .plain = t->plain,
        .timeout_s = TIMEOUT_S,
        .url = strdup(or_usual(t->url, "")),
        .ca = strdup(or_usual(t->ca, "")),
        .bind_dn = strdup(or_usual(t->bind_dn, "")),
        .password = strdup(or_usual(t->password, "")),
        .base = strdup(or_usual(t->base, "")),
        .filter = strdup(or_usual(t->filter, ad ? "(&(objectCategory=person)(objectClass=user))"
                                                : "(objectClass=inetOrgPerson)")),
        .group_base = strdup(or_usual(t->group_base, "")),
    };
    for (unsigned i = 0; i < DIRECTORY_ATTRIBUTES; i++) {
        const json_t *own = json_object_get(t->attributes, attributes[i].name);
        s->attribute[i] = strdup(json_is_string(own) ? json_string_value(own)
                                 : ad                ? attributes[i].ad
                                                     : attributes[i].open);
        all = all && s->attribute[i] != NULL;
    }
    if (!all || s->url == NULL || s->ca == NULL || s->bind_dn == NULL || s->password == NULL ||
        s->base == NULL || s->filter == NULL || s->group_base == NULL) {
        ldap_settings_fini(s);
        return error_memory(err);
    }
    bool good = true;
    json_object_foreach(t->attributes, name, value)
    {
        bool known = false;
        for (unsigned i = 0; i < DIRECTORY_ATTRIBUTES; i++)
            known = known || strcmp(name, attributes[i].name) == 0;
        if (!known && good)
            good = wrong(err, "attributes",
                         "only number, name, email, title, department, manager, login, host, "
                         "address and account have attributes");
    }
    if (good && check_settings(s, err))
        return true;
    ldap_settings_fini(s);
    return false;
}

void ldap_settings_fini(struct ldap_settings *s)
{
    if (s->password != NULL)
        explicit_bzero(s->password, strlen(s->password));
    free(s->url);
    free(s->ca);
    free(s->bind_dn);
    free(s->password);
    free(s->base);
    free(s->filter);
    free(s->group_base);
    for (unsigned i = 0; i < DIRECTORY_ATTRIBUTES; i++)
        free(s->attribute[i]);
    *s = (struct ldap_settings){ 0 };
}

/* ---- connections ---- */

struct connection {
    const struct ldap_settings *settings;
    LDAP *ld;
    struct ldap_conncb told; /* of the socket */
    struct watch *watch;     /* while it is made */
    int ca;                  /* a file in memory, as libldap takes only files; -1: none */
};

/* What libldap says of a failure, with the server's own words. */
static bool failed(const struct connection *c, int code, const char *what, struct imw_error_info *err)
{
    char *told = NULL, shown[120];
    struct text t = TEXT(shown);

    if (c->ld != NULL)
        ldap_get_option(c->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &told);
    text_shown(&t, view_slice(view_string(told), 0, 100));
    ldap_memfree(told);
    return error_set(err, IMW_ERROR_SYSTEM, "directory %s: %s: %s%s%s", c->settings->url, what,
                     ldap_err2string(code), shown[0] != '\0' ? ": " : "", shown);
}

static void disconnect(struct connection *c)
{
    if (c->ld != NULL)
        ldap_unbind_ext_s(c->ld, NULL, NULL);
    if (c->ca >= 0)
        close(c->ca);
    c->ld = NULL;
    c->ca = -1;
}

static bool write_all(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* libldap has no time limit for the TLS handshake, and tries again for ever where the socket has one. So a
 * thread shuts the socket of a connection that is not there in time. */
struct watch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct timespec until;
    int fd; /* -1: none yet */
    bool done;
};

static void *watch_over(void *of)
{
    struct watch *w = of;

    pthread_mutex_lock(&w->lock);
    while (!w->done)
        if (pthread_cond_timedwait(&w->changed, &w->lock, &w->until) == ETIMEDOUT) {
            if (!w->done && w->fd >= 0)
                shutdown(w->fd, SHUT_RDWR);
            break;
        }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static bool watch_begin(struct watch *w, unsigned seconds, struct imw_error_info *err)
{
    *w = (struct watch){ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .fd = -1 };
    clock_gettime(CLOCK_REALTIME, &w->until);
    w->until.tv_sec += seconds;
    int code = pthread_create(&w->thread, NULL, watch_over, w);
    return code == 0 || error_set(err, IMW_ERROR_SYSTEM, "no thread: %s", strerror(code));
}

static void watch_end(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
}

static int note_socket(LDAP *ld, Sockbuf *sb, LDAPURLDesc *url, struct sockaddr *to, struct ldap_conncb *cb)
{
    struct connection *c = cb->lc_arg;
    ber_socket_t fd = -1;

    (void)ld;
    (void)url;
    (void)to;
    if (c->watch != NULL && ber_sockbuf_ctrl(sb, LBER_SB_OPT_GET_FD, &fd) > 0) {
        pthread_mutex_lock(&c->watch->lock);
        c->watch->fd = fd;
        pthread_mutex_unlock(&c->watch->lock);
    }
    return LDAP_SUCCESS;
}

static void socket_gone(LDAP *ld, Sockbuf *sb, struct ldap_conncb *cb)
{
    (void)ld;
    (void)sb;
    (void)cb;
}

static bool set_options(struct connection *c, struct imw_error_info *err)
{
    const struct timeval timeout = { .tv_sec = c->settings->timeout_s };
    const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2,
              client = 0;
    c->told = (struct ldap_conncb){ note_socket, socket_gone, c };
    char path[64] = "/etc/ssl/certs/ca-certificates.crt";

    if (c->settings->ca[0] != '\0') {
        c->ca = memfd_create("ldap-ca", MFD_CLOEXEC);
        if (c->ca < 0 || !write_all(c->ca, c->settings->ca))
            return error_errno(err, "memfd");
        snprintf(path, sizeof path, "/proc/self/fd/%d", c->ca);
    }
    if (ldap_set_option(c->ld, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_RESTART, LDAP_OPT_ON) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_NETWORK_TIMEOUT, &timeout) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_CONNECT_CB, &c->told) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_TIMEOUT, &timeout) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_X_TLS_CACERTFILE, path) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least) != LDAP_OPT_SUCCESS ||
        ldap_set_option(c->ld, LDAP_OPT_X_TLS_NEWCTX, &client) != LDAP_OPT_SUCCESS)
        return error_set(err, IMW_ERROR_SYSTEM,
                         "directory: TLS cannot be set up: is the authority's certificate whole?");
    return true;
}

/* A simple bind; LDAP_SUCCESS or why not. */
static int bind_as(struct connection *c, const char *dn, const char *password)
{
    struct berval secret = { .bv_len = strlen(password), .bv_val = (char *)(uintptr_t)password };

    return ldap_sasl_bind_s(c->ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

static bool sign_on(struct connection *c, struct imw_error_info *err)
{
    const struct ldap_settings *s = c->settings;
    int code;

    if (!set_options(c, err))
        return false;
    if (s->start_tls && (code = ldap_start_tls_s(c->ld, NULL, NULL)) != LDAP_SUCCESS)
        return failed(c, code,
                      "StartTLS (is the certificate of the authority in the settings, and for that name?)",
                      err);
    code = bind_as(c, s->bind_dn, s->bind_dn[0] != '\0' ? s->password : "");
    if (code == LDAP_SUCCESS)
        return true;
    return failed(
        c, code,
        code == LDAP_INVALID_CREDENTIALS ? "our own name or password is refused"
        : code == LDAP_SERVER_DOWN && !s->plain
            ? "no connection (is it there, and is its certificate of the authority in the settings and for "
              "that name?)"
            : "no connection",
        err);
}

static bool connect_to(const struct ldap_settings *s, struct connection *c, struct imw_error_info *err)
{
    struct watch watch;

    *c = (struct connection){ .settings = s, .ca = -1 };
    int code = ldap_initialize(&c->ld, s->url);
    if (code != LDAP_SUCCESS)
        return failed(c, code, "cannot begin", err);
    bool good = watch_begin(&watch, s->timeout_s * 2, err);
    if (good) {
        c->watch = &watch;
        good = sign_on(c, err);
        watch_end(&watch);
        c->watch = NULL;
    }
    if (!good)
        disconnect(c);
    return good;
}

/* ---- entries ---- */

/* "objectGUID" is 16 octets, the first three parts little-endian (MS-DTYP 2.3.4). */
static void write_guid(struct text *t, const struct berval *v)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text_char(t, '-');
        text_hex(t, view_of(v->bv_val + order[i], 1));
    }
}

/* The values of the first attribute of "a|b" that is there; NULL: none. ldap_value_free_len(). */
static struct berval **values_of(struct connection *c, LDAPMessage *entry, const char *list, bool *out_guid)
{
    struct view left = view_string(list);

    while (left.len > 0) {
        char name[100];
        struct text t = TEXT(name);
        text_add(&t, view_token(&left, '|'));
        struct berval **values = name[0] != '\0' ? ldap_get_values_len(c->ld, entry, name) : NULL;
        if (values != NULL && values[0] != NULL && values[0]->bv_len > 0) {
            *out_guid = view_equal_nocase(view_string(name), VIEW("objectguid"));
            return values;
        }
        ldap_value_free_len(values);
    }
    return NULL;
}

/* The first value as text; "" where there is none. */
static void value_of(struct connection *c, LDAPMessage *entry, const char *list, char *out, size_t size)
{
    struct text t = text_over(out, size);
    bool guid = false;
    struct berval **values = values_of(c, entry, list, &guid);

    if (values == NULL)
        return;
    if (guid && values[0]->bv_len == 16)
        write_guid(&t, values[0]);
    else
        text_printable(&t, view_of(values[0]->bv_val, values[0]->bv_len));
    ldap_value_free_len(values);
}

/* A DN in the one form in which it can be compared. False: it is none. */
static bool normal_dn(const char *dn, char *out, size_t size)
{
    char *normal = NULL;
    struct text t = text_over(out, size);

    if (dn == NULL ||
        ldap_dn_normalize(dn, LDAP_DN_FORMAT_LDAPV3, &normal, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS ||
        normal == NULL)
        return false;
    for (const char *c = normal; *c != '\0'; c++)
        text_char(&t, (char)ascii_lower((uint8_t)*c));
    ldap_memfree(normal);
    return !t.cut && out[0] != '\0';
}

static bool is_disabled(struct connection *c, LDAPMessage *entry)
{
    char flags[24];
    uint64_t n;

    if (!c->settings->ad)
        return false;
    value_of(c, entry, "userAccountControl", flags, sizeof flags);
    return view_decimal(view_string(flags), UINT32_MAX, &n) && (n & AD_DISABLED) != 0;
}

/* ---- people ---- */

/* DNs of those in the roster, and of their managers, until all are there. */
struct reading {
    struct connection c;
    struct roster *r;
    struct text_index *by_dn;
    char **dn, **manager; /* one for each of the roster */
    size_t size;
    struct imw_error_info *err;
};

static bool add_aliases(struct reading *in, LDAPMessage *entry, enum ldap_attribute a, enum alias_kind kind)
{
    bool guid = false, good = true;
    struct berval **values = values_of(&in->c, entry, in->c.settings->attribute[a], &guid);

    for (size_t i = 0; good && values != NULL && values[i] != NULL && i < ROSTER_ALIASES; i++)
        good = roster_alias(in->r, kind, view_of(values[i]->bv_val, values[i]->bv_len), in->err);
    ldap_value_free_len(values);
    return good;
}

/* Keep the DNs of the person that was added last. */
static bool keep_dns(struct reading *in, LDAPMessage *entry)
{
    char normal[1024], manager[1024], raw[1024];
    size_t at = in->r->count - 1;
    char *dn = ldap_get_dn(in->c.ld, entry);
    bool named = normal_dn(dn, normal, sizeof normal);

    ldap_memfree(dn);
    if (at >= in->size) {
        size_t more = in->size == 0 ? 1024 : in->size * 2;
        char **dns = reallocarray(in->dn, more, sizeof *dns);
        if (dns == NULL)
            return error_memory(in->err);
        in->dn = dns;
        char **managers = reallocarray(in->manager, more, sizeof *managers);
        if (managers == NULL)
            return error_memory(in->err);
        in->manager = managers;
        in->size = more;
    }
    value_of(&in->c, entry, in->c.settings->attribute[DIRECTORY_MANAGER], raw, sizeof raw);
    in->manager[at] = raw[0] != '\0' && normal_dn(raw, manager, sizeof manager) ? strdup(manager) : NULL;
    in->dn[at] = strdup(named ? normal : "");
    if (in->dn[at] == NULL)
        return error_memory(in->err);
    uint32_t *slot = text_index_put(in->by_dn, in->dn[at]);
    if (slot == NULL)
        return error_memory(in->err);
    *slot = (uint32_t)at;
    return true;
}

static bool read_entry(struct reading *in, LDAPMessage *entry)
{
    const struct ldap_settings *s = in->c.settings;
    char text[DIRECTORY_MANAGER][512];
    bool taken;
    size_t refused = in->r->refused;

    if (is_disabled(&in->c, entry))
        return true;
    for (unsigned i = 0; i < DIRECTORY_MANAGER; i++)
        value_of(&in->c, entry, s->attribute[i], text[i], sizeof text[i]);
    const struct roster_entry e = {
        .number = view_string(text[DIRECTORY_NUMBER]),
        .name = view_string(text[DIRECTORY_NAME]),
        .email = view_string(text[DIRECTORY_EMAIL]),
        .title = view_string(text[DIRECTORY_TITLE]),
        .department = view_string(text[DIRECTORY_DEPARTMENT]),
    };
    if (!roster_add(in->r, &e, &taken, in->err))
        return false;
    if (!taken) {
        char *dn = ldap_get_dn(in->c.ld, entry);
        char shown[160];
        struct text t = TEXT(shown);
        text_shown(&t, view_string(dn));
        roster_problem(in->r, 0, "left out: %s", shown);
        ldap_memfree(dn);
        in->r->refused = refused + 1;
        return true;
    }
    return add_aliases(in, entry, DIRECTORY_LOGIN, ALIAS_USER) &&
           add_aliases(in, entry, DIRECTORY_HOST, ALIAS_HOST) &&
           add_aliases(in, entry, DIRECTORY_ADDRESS, ALIAS_ADDRESS) &&
           add_aliases(in, entry, DIRECTORY_ACCOUNT, ALIAS_ACCOUNT) && keep_dns(in, entry);
}

/* The attributes that are asked for, each once for each name of its list; ends in NULL. */
enum { ASKED = 32 };
struct asked {
    char text[1024];
    char *names[ASKED + 1];
};

static void ask_attributes(const struct ldap_settings *s, struct asked *out)
{
    struct text t = TEXT(out->text);
    unsigned n = 0;

    for (unsigned i = 0; i <= DIRECTORY_ATTRIBUTES; i++) {
        struct view left = view_string(i < DIRECTORY_ATTRIBUTES ? s->attribute[i] : "userAccountControl");
        while (left.len > 0 && n < ASKED) {
            struct view one = view_token(&left, '|');
            if (one.len == 0 || t.len + one.len + 2 > t.size)
                continue;
            out->names[n++] = t.at + t.len;
            text_add(&t, one);
            t.len++; /* its NUL stays */
        }
    }
    out->names[n] = NULL;
}

/* One page; *cookie goes on to the next, and is empty behind the last. */
static bool read_page(struct reading *in, struct asked *asked, struct berval *cookie)
{
    struct connection *c = &in->c;
    LDAPControl *page = NULL, **told = NULL;
    LDAPMessage *result = NULL;
    struct timeval timeout = { .tv_sec = SEARCH_TIMEOUT_S };
    struct berval next = { 0 };
    ber_int_t estimate;
    int code = ldap_create_page_control(c->ld, PAGE, cookie, 0, &page), server = LDAP_SUCCESS;
    bool good = false;

    if (code != LDAP_SUCCESS)
        return failed(c, code, "cannot ask", in->err);
    LDAPControl *controls[] = { page, NULL };
    code = ldap_search_ext_s(c->ld, c->settings->base, LDAP_SCOPE_SUBTREE, c->settings->filter, asked->names,
                             0, controls, NULL, &timeout, LDAP_NO_LIMIT, &result);
    if (code != LDAP_SUCCESS) {
        failed(c, code, "people cannot be read", in->err);
        goto out;
    }
    for (LDAPMessage *e = ldap_first_entry(c->ld, result); e != NULL; e = ldap_next_entry(c->ld, e))
        if (!read_entry(in, e))
            goto out;
    code = ldap_parse_result(c->ld, result, &server, NULL, NULL, NULL, &told, 0);
    if (code != LDAP_SUCCESS || server != LDAP_SUCCESS) {
        failed(c, code != LDAP_SUCCESS ? code : server, "people cannot be read to the end", in->err);
        goto out;
    }
    LDAPControl *answer = told != NULL ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, told, NULL) : NULL;
    if (answer != NULL &&
        (code = ldap_parse_pageresponse_control(c->ld, answer, &estimate, &next)) != LDAP_SUCCESS) {
        failed(c, code, "the page's end cannot be read", in->err);
        goto out;
    }
    ber_memfree(cookie->bv_val);
    *cookie = next;
    next = (struct berval){ 0 };
    good = true;
out:
    ber_memfree(next.bv_val);
    ldap_controls_free(told);
    ldap_msgfree(result);
    ldap_control_free(page);
    return good;
}

/* Managers are DNs until now. */
static bool name_managers(struct reading *in)
{
    for (size_t i = 0; i < in->r->count; i++) {
        if (in->manager[i] == NULL)
            continue;
        uint32_t chief = text_index_get(in->by_dn, in->manager[i]);
        if (chief == UINT32_MAX)
            roster_problem(in->r, 0, "the manager of %s is none of those read: %.100s",
                           in->r->people[i].number, in->manager[i]);
        else if (!roster_set_manager(in->r, i, in->r->people[chief].number, in->err))
            return false;
    }
    return true;
}

bool ldap_read_people(const struct ldap_settings *s, struct roster *r, struct imw_error_info *err)
{
    struct reading in = { .r = r, .err = err, .by_dn = text_index_new(1024) };
    struct asked asked;
    struct berval cookie = { 0 };
    bool good = in.by_dn != NULL || error_memory(err);
    bool connected = good && connect_to(s, &in.c, err);

    good = connected;
    if (good) {
        ask_attributes(s, &asked);
        do
            good = read_page(&in, &asked, &cookie);
        while (good && cookie.bv_len > 0);
    }
    good = good && name_managers(&in);
    if (connected)
        disconnect(&in.c);
    for (size_t i = 0; i < r->count && i < in.size; i++) {
        free(in.dn[i]);
        free(in.manager[i]);
    }
    free(in.dn);
    free(in.manager);
    ber_memfree(cookie.bv_val);
    text_index_free(in.by_dn);
    return good;
}

/* ---- signing in ---- */

bool ldap_filter_value(struct view value, char *out, size_t size)
{
    struct text t = text_over(out, size);

    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.at[i];
        if (c < 0x20 || c >= 0x7f || c == '*' || c == '(' || c == ')' || c == '\\') {
            text_char(&t, '\\');
            text_hex(&t, view_slice(value, i, i + 1));
        } else {
            text_char(&t, (char)c);
        }
    }
    return !t.cut;
}

/* The only entry whose login this is, into `result` (ldap_msgfree). *out NULL: none, or several. */
static bool find_login(struct connection *c, const char *login, LDAPMessage **result, LDAPMessage **out,
                       struct imw_error_info *err)
{
    const struct ldap_settings *s = c->settings;
    char value[LDAP_LOGIN_MOST * 3 + 1], name[100];
    struct text attribute = TEXT(name);
    struct view names = view_string(s->attribute[DIRECTORY_LOGIN]);
    struct timeval timeout = { .tv_sec = s->timeout_s };
    struct asked asked;
    size_t size = strlen(s->filter) + sizeof value + sizeof name + 8;
    char *filter = malloc(size);

    *out = NULL;
    if (filter == NULL)
        return error_memory(err);
    text_add(&attribute, view_token(&names, '|'));
    if (!ldap_filter_value(view_string(login), value, sizeof value)) {
        free(filter);
        return true;
    }
    snprintf(filter, size, "(&%s(%s=%s))", s->filter, name, value);
    ask_attributes(s, &asked);
    int code = ldap_search_ext_s(c->ld, s->base, LDAP_SCOPE_SUBTREE, filter, asked.names, 0, NULL, NULL,
                                 &timeout, 2, result);
    free(filter);
    if (code == LDAP_SIZELIMIT_EXCEEDED || code == LDAP_NO_SUCH_OBJECT)
        return true;
    if (code != LDAP_SUCCESS)
        return failed(c, code, "a name cannot be looked up", err);
    if (ldap_count_entries(c->ld, *result) == 1)
        *out = ldap_first_entry(c->ld, *result);
    return true;
}

/* DNs of the groups that `dn` is in; Active Directory looks through groups in groups by itself. */
static bool find_groups(struct connection *c, const char *dn, const char *login, json_t **out,
                        struct imw_error_info *err)
{
    const struct ldap_settings *s = c->settings;
    char dn_value[1600], login_value[LDAP_LOGIN_MOST * 3 + 1], filter[5200];
    char none[] = LDAP_NO_ATTRS, *asked[] = { none, NULL };
    struct timeval timeout = { .tv_sec = s->timeout_s };
    LDAPMessage *result = NULL;
    json_t *list = json_pack("[]");
    bool good = list != NULL;

    if (!ldap_filter_value(view_string(dn), dn_value, sizeof dn_value) ||
        !ldap_filter_value(view_string(login), login_value, sizeof login_value) || !good) {
        json_decref(list);
        return good ? error_set(err, IMW_ERROR_LIMIT, "directory: a name there is too long")
                    : error_memory(err);
    }
    if (s->ad)
        snprintf(filter, sizeof filter, "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:=%s))",
                 dn_value);
    else
        snprintf(filter, sizeof filter,
                 "(|(member=%s)(uniqueMember=%s)(&(objectClass=posixGroup)(memberUid=%s)))", dn_value,
                 dn_value, login_value);
    int code =
        ldap_search_ext_s(c->ld, s->group_base[0] != '\0' ? s->group_base : s->base, LDAP_SCOPE_SUBTREE,
                          filter, asked, 0, NULL, NULL, &timeout, LDAP_GROUPS, &result);
    if (code != LDAP_SUCCESS && code != LDAP_NO_SUCH_OBJECT) {
        ldap_msgfree(result);
        json_decref(list);
        return failed(c, code, "groups cannot be read", err);
    }
    for (LDAPMessage *e = ldap_first_entry(c->ld, result); good && e != NULL; e = ldap_next_entry(c->ld, e)) {
        char *group = ldap_get_dn(c->ld, e);
        good = json_array_append_new(list, json_pack("s", group)) == 0;
        ldap_memfree(group);
    }
    ldap_msgfree(result);
    if (!good) {
        json_decref(list);
        return error_memory(err);
    }
    *out = list;
    return true;
}

static bool sign_in(struct connection *c, const char *login, const char *password, bool *out_right,
                    struct ldap_identity *out, struct imw_error_info *err)
{
    const struct ldap_settings *s = c->settings;
    LDAPMessage *result = NULL, *entry = NULL;
    struct ldap_identity found = { 0 };
    char nobody[600];
    bool good = find_login(c, login, &result, &entry, err);

    if (good && entry != NULL && !is_disabled(c, entry)) {
        char *dn = ldap_get_dn(c->ld, entry);
        struct text t = TEXT(found.dn);
        text_string(&t, dn != NULL ? dn : "");
        ldap_memfree(dn);
        value_of(c, entry, s->attribute[DIRECTORY_LOGIN], found.login, sizeof found.login);
        value_of(c, entry, s->attribute[DIRECTORY_NAME], found.full_name, sizeof found.full_name);
        value_of(c, entry, s->attribute[DIRECTORY_EMAIL], found.email, sizeof found.email);
        if (t.cut || found.dn[0] == '\0')
            good = error_set(err, IMW_ERROR_LIMIT, "directory: a name there is too long");
        good = good && find_groups(c, found.dn, found.login, &found.groups, err);
    }
    ldap_msgfree(result);
    if (!good)
        return false;
    /* Somebody who is not there takes as long. */
    snprintf(nobody, sizeof nobody, "cn=imward-nobody,%.500s", s->base);
    int code = bind_as(c, found.dn[0] != '\0' ? found.dn : nobody, password);
    if (code == LDAP_SUCCESS && found.dn[0] != '\0') {
        *out_right = true;
        *out = found;
        return true;
    }
    json_decref(found.groups);
    *out_right = false;
    switch (code) {
    case LDAP_SUCCESS:
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_CONSTRAINT_VIOLATION:
    case LDAP_INSUFFICIENT_ACCESS: return true;
    default: return failed(c, code, "a password cannot be checked", err);
    }
}

bool ldap_sign_in(const struct ldap_settings *s, const char *login, const char *password, bool *out_right,
                  struct ldap_identity *out, struct imw_error_info *err)
{
    struct connection c;

    *out_right = false;
    if (login[0] == '\0' || password[0] == '\0' || strlen(login) > LDAP_LOGIN_MOST ||
        strlen(password) > LDAP_PASSWORD_MOST)
        return true;
    if (!connect_to(s, &c, err))
        return false;
    bool good = sign_in(&c, login, password, out_right, out, err);
    disconnect(&c);
    return good;
}
