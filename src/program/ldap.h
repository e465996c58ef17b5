/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The institution's directory: OpenLDAP and its like, or Active Directory. People are read from it, and it
 * proves who signs in. The clerk does that (console/role.h): it alone goes out.
 *
 * The connection is TLS, from the first octet (ldaps://) or by StartTLS, with a certificate that must be of
 * the authority in the settings (else of the system's) and bear the server's name. Without TLS nothing is
 * asked, unless the settings say `plain`. Referrals are not followed. Everything has a time limit.
 *
 * Sources: RFC 4511 (protocol), 4514 (names), 4515 (filters, escaping), 4513 section 5.1.2 (a bind without a
 * password proves nothing: it is refused here), 2696 (pages), 2798 (inetOrgPerson).
 */
#pragma once
#include "base/error.h"
#include "base/json_value.h"
#include "program/roster.h"

/* id, name, OpenLDAP's attribute, Active Directory's; "a|b": the first that is there */
#define LDAP_ATTRIBUTES(X)                                                                                   \
    X(NUMBER, "number", "uid", "objectGUID")                                                                 \
    X(NAME, "name", "displayName|cn", "displayName|cn")                                                      \
    X(EMAIL, "email", "mail", "mail")                                                                        \
    X(TITLE, "title", "title", "title")                                                                      \
    X(DEPARTMENT, "department", "departmentNumber|department|ou", "department")                              \
    X(MANAGER, "manager", "manager", "manager")                                                              \
    X(LOGIN, "login", "uid", "sAMAccountName")                                                               \
    X(HOST, "host", "", "")                                                                                  \
    X(ADDRESS, "address", "", "")                                                                            \
    X(ACCOUNT, "account", "", "")
enum ldap_attribute {
#define X(id, name, open, ad) DIRECTORY_##id,
    LDAP_ATTRIBUTES(X)
#undef X
        DIRECTORY_ATTRIBUTES
};

struct ldap_settings {
    bool ad, start_tls, plain;
    unsigned timeout_s;
    /* Owned; never NULL after ldap_settings_init(). */
    char *url, *ca /* PEM; "": the system's */, *bind_dn, *password, *base, *filter, *group_base;
    char *attribute[DIRECTORY_ATTRIBUTES];
};
/* The texts are copied; NULL: as usual. `attributes` (may be NULL): {"login":"sAMAccountName"}, changes to
 * the usual ones of `kind` ("openldap", "ad"). IMW_ERROR_VALUE: err->key is the setting ("ldap.url"). */
struct ldap_texts {
    const char *kind, *url, *ca, *bind_dn, *password, *base, *filter, *group_base;
    json_t *attributes;
    bool start_tls, plain;
};
bool ldap_settings_init(struct ldap_settings *s, const struct ldap_texts *texts,
                        struct imw_error_info *err) IMW_MUST_USE;
void ldap_settings_fini(struct ldap_settings *s);

/* Read everybody into an empty roster: managers are numbers in it; accounts that are disabled in Active
 * Directory are left out. False: the roster is not complete and must not be used. */
bool ldap_read_people(const struct ldap_settings *s, struct roster *r,
                      struct imw_error_info *err) IMW_MUST_USE;

struct ldap_identity {
    char dn[512], login[65], full_name[PERSON_TEXT_MOST + 1], email[PERSON_EMAIL_MOST + 1];
    json_t *groups; /* list of DNs; the caller's */
};
enum { LDAP_GROUPS = 500, LDAP_LOGIN_MOST = 64, LDAP_PASSWORD_MOST = 256 };
/* Does this password prove this name? *out_right false: no, which of the two is not said; *out untouched.
 * False: the directory could not be asked. */
bool ldap_sign_in(const struct ldap_settings *s, const char *login, const char *password, bool *out_right,
                  struct ldap_identity *out, struct imw_error_info *err) IMW_MUST_USE;

/* RFC 4515 section 3: what a value is in a filter. False: it does not fit. */
bool ldap_filter_value(struct view value, char *out, size_t size);
