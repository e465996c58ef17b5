/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proxy auto-configuration file: browsers ask FindProxyForURL() before each request. Blocked names go to
 * a proxy where nobody listens, or to the block page; everything else directly, or to the proxy given.
 *
 * A host is looked up as the catalog does it: the longest suffix first, each one look-up in a table, ten at
 * most. Written for the oldest engines that still read such files (ECMAScript 3): no word of later editions,
 * and no helper functions, some of which ask the DNS and stall the browser.
 */
#include "policy/export/names.h"
#include "policy/export/targets.h"
#include <stdlib.h>

/* Values in the file's tables: 1 blocked, 0 not; each for the name and what is below, or for itself. */
static void print_entries(const struct export_names *names, FILE *out)
{
    static const char *const titles[] = { "below", "exact" };

    for (unsigned exact = 0; exact < 2; exact++) {
        const char *comma = "";
        fprintf(out, "var %s = {", titles[exact]);
        for (unsigned i = 0; i < names->count; i++) {
            const struct export_name *e = &names->at[i];
            if (e->start.len > 0 || e->exact != (exact == 1))
                continue;
            fprintf(out, "%s\n\"%.*s\": %d", comma, (int)e->name.len, (const char *)e->name.at, e->taken);
            comma = ",";
        }
        fputs("\n};\n", out);
    }
}

/* By what follows: [[start, value], ...]. */
static void print_starts(const struct export_names *names, FILE *out)
{
    struct view last = view_of(NULL, 0);
    const char *end = "";

    fputs("var starts = {", out);
    for (unsigned i = 0; i < names->count; i++) {
        const struct export_name *e = &names->at[i];
        if (e->start.len == 0)
            continue;
        if (last.len > 0 && view_equal(last, e->name))
            fputs(", ", out);
        else
            fprintf(out, "%s\n\"%.*s\": [", end, (int)e->name.len, (const char *)e->name.at);
        fprintf(out, "[\"%.*s\", %d]", (int)e->start.len, (const char *)e->start.at, e->taken);
        last = e->name;
        end = "],";
    }
    fprintf(out, "%s\n};\n", end[0] != '\0' ? "]" : "");
}

static const char program[] =
    "function has(table, key) {\n"
    "    return Object.prototype.hasOwnProperty.call(table, key);\n"
    "}\n"
    "\n"
    "function isBlocked(host) {\n"
    "    var at, dots, part, list, i;\n"
    "\n"
    "    host = host.toLowerCase().replace(/\\.$/, \"\");\n"
    "    if (host.length > 253 || !/^[a-z0-9_*-]+(\\.[a-z0-9_*-]+)*$/.test(host) || /(^|\\.)[0-9]+$/.test(host))\n"
    "        return false;\n"
    "    if (has(exact, host))\n"
    "        return exact[host] === 1;\n"
    "    dots = host.split(\".\").length - 1;\n"
    "    for (at = 0; at >= 0; dots--) {\n"
    "        part = host.substring(at);\n"
    "        if (at > 0 && has(starts, part)) {\n"
    "            list = starts[part];\n"
    "            for (i = 0; i < list.length; i++)\n"
    "                if (at > list[i][0].length && host.substring(0, list[i][0].length) === list[i][0])\n"
    "                    return list[i][1] === 1;\n"
    "        }\n"
    "        if (dots < 10 && has(below, part))\n"
    "            return below[part] === 1;\n"
    "        at = host.indexOf(\".\", at) + 1 || -1;\n"
    "    }\n"
    "    return false;\n"
    "}\n"
    "\n"
    "function FindProxyForURL(url, host) {\n"
    "    return isBlocked(host) ? blocked : others;\n"
    "}\n";

static bool is_host_or_address(struct view v)
{
    struct ip_addr ip;

    return export_is_host(v) || ip_parse(v, &ip);
}

/* "host:port", or a host alone, as it stands behind "PROXY". */
static bool add_proxy(const char *what, const char *given, unsigned port, struct text *out,
                      struct imw_error_info *err)
{
    struct view host = view_string(given);
    struct ip_addr ip;
    uint64_t number = port;
    size_t colon = host.len;

    if (!ip_parse(host, &ip)) { /* an IPv6 address has colons, too */
        while (colon > 0 && host.at[colon - 1] != ':')
            colon--;
        if (colon > 0 && !view_decimal(view_from(host, colon), 65535, &number))
            number = 0;
        if (colon > 0)
            host = view_slice(host, 0, colon - 1);
    }
    bool bracketed = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (bracketed)
        host = view_slice(host, 1, host.len - 1);
    if (!is_host_or_address(host) || number == 0)
        return error_set(err, IMW_ERROR_VALUE, "%s must be HOST:PORT, not '%s'", what, given);
    bool v6 = view_find_byte(host, ':', 0) < host.len;
    text_format(out, "PROXY %s%.*s%s:%u", v6 ? "[" : "", (int)host.len, (const char *)host.at, v6 ? "]" : "",
                (unsigned)number);
    return true;
}

bool export_pac(const struct export_plan *plan, const struct export_options *o, FILE *out,
                struct imw_error_info *err)
{
    const char *page = o->block_page != NULL ? o->block_page : "127.0.0.1:9";
    struct export_names names = { 0 };
    char blocked[300], others[300];
    struct text to_page = TEXT(blocked), to_others = TEXT(others);

    if (o->proxy == NULL)
        text_string(&to_others, "DIRECT");
    else if (!add_proxy("the proxy", o->proxy, 3128, &to_others, err))
        return false;
    if (!add_proxy("the block page", page, 80, &to_page, err))
        return false;
    uint32_t *roles = export_roles(plan, 0, POLICY_BLOCK);
    if (roles == NULL)
        return error_memory(err);
    bool ok = export_names_new(plan_catalog(plan), export_take_roles, roles, &names, err);
    free(roles);
    if (!ok)
        return false;
    if (!o->bare) {
        plan_print_head(plan, o, "pac", 0, "// ", out);
        fputs(
            "// not expressed: programs that do not ask this file. It is advice to browsers, no barrier.\n\n",
            out);
    }
    fprintf(out, "var blocked = \"%s\";\nvar others = \"%s\";\n", blocked, others);
    fputs("\n// 1: blocked, 0: not, though a name above it is\n", out);
    print_entries(&names, out);
    print_starts(&names, out);
    fprintf(out, "\n%s", program);
    export_names_free(&names);
    return true;
}
