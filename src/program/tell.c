/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sentences out of events. Each says what was seen and what follows from it, no more: what decides is told
 * apart from what only supports it, and silence of the network is never told as "nothing happened".
 *
 * In the sentences %s stands for the service.
 */
#include "program/tell.h"
#include "base/text.h"
#include "identify/words.h"
#include <inttypes.h>

enum { DECIDES = 60 }; /* worth from which a piece of evidence decides: docs/output.md */

struct sentence {
    const char *word, *text;
};

/* One for each kind in EVIDENCE_KINDS. */
static const char *const evidence_text[EVIDENCE_COUNT] = {
    [EVIDENCE_PAYLOAD] = "The two sides spoke %s's own protocol: the messages on the wire have its form.",
    [EVIDENCE_SNI] =
        "When it opened the encrypted connection, the machine asked for a server that belongs to %s by name.",
    [EVIDENCE_QUIC_SNI] =
        "When it opened the encrypted connection (QUIC), the machine asked for a server that belongs to %s by name.",
    [EVIDENCE_CERTIFICATE] = "The server proved itself with a certificate that names %s's domain.",
    [EVIDENCE_HTTP_HOST] = "The machine sent a web request to a host that belongs to %s.",
    [EVIDENCE_HTTP_PATH] = "The machine asked a web server for a path that only %s uses.",
    [EVIDENCE_HTTP_AGENT] = "The program on the machine called itself by a name that only %s's programs use.",
    [EVIDENCE_TUNNEL_TARGET] = "The machine asked a proxy to connect it to a server that belongs to %s.",
    [EVIDENCE_DNS_QUERY] = "The machine looked up the address of a name that belongs to %s. "
                           "A look-up alone does not show that it was used.",
    [EVIDENCE_STUN] = "The packets that set up a call carry a mark that only %s uses.",
    [EVIDENCE_DNS_ADDRESS] =
        "Shortly before, the network's own answer to a look-up gave this address for a name of %s.",
    [EVIDENCE_RANGE] = "The server's address lies in a range that the vendor uses for %s and nothing else.",
    [EVIDENCE_SHARED_RANGE] =
        "The server's address lies in a range of the vendor that other services share; it counts because a call "
        "was seen in the traffic itself.",
    [EVIDENCE_EXPECTED] =
        "A conversation over %s announced this connection: which address and which port it would use.",
    [EVIDENCE_FINGERPRINT] = "The way the program opens encrypted connections is unique to %s's programs.",
    [EVIDENCE_NEIGHBOUR] = "The same machine used the same server for a connection that is proved to be %s.",
};

static const struct sentence inspections[] = {
    { "end-to-end-encrypted",
      "What was said is not known: the service encrypts from person to person, and neither this "
      "sensor nor the vendor can read it." },
    { "encrypted", "What was said is not known: the connection to the vendor's server is encrypted." },
    { "not-decoded",
      "What was said is not known: this protocol is recognised, but its messages and files are not read." },
    { "not-recognised",
      "What was said is not known: no protocol was recognised, and the service was told from the "
      "server's address alone." },
};
static const struct sentence actions[] = {
    { "allow", "The policy allows this" },
    { "alert", "The policy lets this pass and reports it" },
    { "block", "The policy forbids this" },
    { "scan", "The policy lets this pass once its files are scanned" },
};
static const struct sentence enforcements[] = {
    { "passed", "It was let through." },
    { "dropped", "It was stopped: its packets were thrown away, and nobody was told." },
    { "reset", "It was stopped: both ends were told that the connection is broken." },
    { "unreachable", "It was stopped: the machine was told that it may not go there." },
    { "page", "It was stopped: the person was shown a page that says which rule." },
    { "no-such-name", "It was stopped: the machine was told that there is no such name." },
    { "spoiled", "The offer of the file or call was made void; the conversation itself went on." },
    { "cut", "The transfer was stopped before its end." },
    { "throttled", "It went on, slowly." },
    { "failed", "It should have been stopped and was not." },
};
static const struct sentence scans[] = {
    { "clean", "Every scanner that is set up looked at it and found nothing." },
    { "infected", "A scanner names its content as harmful" },
    { "not-scanned", "There is no verdict on its content" },
    { "suspicious",
      "It is an archive that unpacks to far more than it should, or that lies about its content." },
};
static const struct sentence hints[] = {
    { "doh",
      "Names were looked up inside encrypted web traffic (DNS over HTTPS), where the network's own resolver does "
      "not see them." },
    { "dot", "Names were looked up over an encrypted connection (DNS over TLS)." },
    { "doq", "Names were looked up over an encrypted connection (DNS over QUIC)." },
    { "ech", "The name of the server was encrypted when the connection was opened (encrypted ClientHello)." },
    { "esni",
      "The name of the server was encrypted when the connection was opened (encrypted server name)." },
    { "no-sni", "The encrypted connection was opened to an address, without naming a server." },
    { "proxy", "The traffic went through a proxy." },
    { "fronting",
      "The connection was opened under one name and used for another: a way of hiding the destination "
      "(domain fronting)." },
};
#define TEXT_OF(table, word) text_of(table, sizeof(table) / sizeof(table)[0], word)

static const char *text_of(const struct sentence *table, size_t count, const char *word)
{
    for (size_t i = 0; word != NULL && i < count; i++)
        if (strcmp(table[i].word, word) == 0)
            return table[i].text;
    return NULL;
}

static const char *member(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void add(json_t *list, const char *what, const char *text, const char *value)
{
    json_t *o = value != NULL ? json_pack("{s:s, s:s, s:s}", "what", what, "text", text, "value", value)
                              : json_pack("{s:s, s:s}", "what", what, "text", text);

    json_array_append_new(list, o);
}

static void tell_evidence(json_t *list, const json_t *im)
{
    const char *service = member(im, "service");
    json_t *piece;
    size_t i;

    json_array_foreach(json_object_get(im, "evidence"), i, piece)
    {
        const char *kind = member(piece, "kind"), *of = member(piece, "catalog");
        json_int_t worth = json_integer_value(json_object_get(piece, "worth"));
        char text[640];
        struct text t = TEXT(text);
        unsigned k = 0;
        while (k < EVIDENCE_COUNT && (evidence_text[k] == NULL || kind == NULL ||
                                      strcmp(evidence_name((enum evidence_kind)k), kind) != 0))
            k++;
        of = of != NULL ? of : service != NULL ? service : "the service";
        struct view form = k < EVIDENCE_COUNT
                               ? view_string(evidence_text[k])
                               : VIEW("There is a sign of %s of a kind that this version does not know.");
        size_t place = view_find(form, VIEW("%s"));
        text_add(&t, view_slice(form, 0, place));
        text_string(&t, of);
        text_add(&t, view_from(form, place + 2));
        if (worth > 0 && worth < DECIDES)
            text_string(&t, " On its own this would not be enough: it only supports the other evidence.");
        else if (worth > 0 && worth < 90)
            text_format(&t, " This is worth %d of 100: strong, but not proof on its own.", (int)worth);
        if (service != NULL && strcmp(of, service) != 0)
            text_string(&t, " It speaks for another service than the one that was decided on.");
        add(list, "evidence", text, member(piece, "value"));
    }
    if (json_is_true(json_object_get(im, "port_agile")))
        add(list, "hint",
            "The service ran on a port that is not one of its own, which gets it past filters that go by port.",
            NULL);
}

static void tell_verdict(json_t *list, const json_t *eve)
{
    const json_t *v = json_object_get(eve, "verdict");
    const char *action = TEXT_OF(actions, member(v, "action")), *rule = member(v, "rule"),
               *policy = member(v, "policy"), *done = TEXT_OF(enforcements, member(v, "enforced")),
               *reason = member(eve, "reason");
    char text[900];
    struct text t = TEXT(text);

    if (action == NULL)
        return;
    text_string(&t, action);
    if (rule != NULL && strcmp(rule, "default") != 0)
        text_format(&t, ", by the rule \"%s\"", rule);
    else
        text_string(&t, ": no rule matches, so its default counts");
    if (policy != NULL)
        text_format(&t, " (policy %s)", policy);
    text_string(&t, ". ");
    text_string(
        &t, done != NULL
                ? done
                : "The sensor that saw it only watches: whether anything stopped it is not in this event.");
    if (reason != NULL)
        text_format(&t, " Reason: %s.", reason);
    add(list, "verdict", text, rule);
}

static void tell_file(json_t *list, const json_t *eve)
{
    const json_t *f = json_object_get(eve, "fileinfo"), *scan = json_object_get(eve, "scan"),
                 *leaks = json_object_get(eve, "leaks");
    const char *name = member(f, "filename"), *state = member(f, "state"), *verdict = member(scan, "state"),
               *said = TEXT_OF(scans, verdict), *kind = member(f, "magic"),
               *direction = member(json_object_get(eve, "im"), "direction");
    char text[1200];
    struct text t = TEXT(text);

    if (f == NULL)
        return;
    text_string(&t, direction == NULL               ? "A file was carried"
                    : strcmp(direction, "out") == 0 ? "A file was sent by this side"
                                                    : "A file was sent to this side");
    if (json_is_integer(json_object_get(f, "size")))
        text_format(&t, ", %" JSON_INTEGER_FORMAT " bytes", json_integer_value(json_object_get(f, "size")));
    if (kind != NULL)
        text_format(&t, ", by its content: %s", kind);
    text_string(&t, ".");
    if (state != NULL && strcmp(state, "TRUNCATED") == 0)
        text_string(&t, " Not all of it was seen or kept, so what is said of it holds for that part only.");
    add(list, "file", text, name);
    t = TEXT(text);
    if (said != NULL) {
        const char *reason = member(scan, "reason"), *by = member(scan, "by"),
                   *signature = member(scan, "signature");
        text_string(&t, said);
        if (strcmp(verdict, "infected") == 0)
            text_format(&t, ": %s says %s.", by != NULL ? by : "it", signature != NULL ? signature : "so");
        else if (strcmp(verdict, "not-scanned") == 0)
            text_format(&t, ": %s. That is not the same as clean.",
                        reason != NULL ? reason : "nobody looked");
        add(list, "file", text, signature);
    }
    if (json_integer_value(json_object_get(leaks, "count")) > 0) {
        t = TEXT(text);
        text_format(&t, "Data that should not leave was found in its text, %" JSON_INTEGER_FORMAT " times.",
                    json_integer_value(json_object_get(leaks, "count")));
        add(list, "file", text, NULL);
    }
    if (member(leaks, "unsearched") != NULL) {
        t = TEXT(text);
        text_format(&t, "Not all of its text could be searched for such data: %s.",
                    member(leaks, "unsearched"));
        add(list, "file", text, NULL);
    }
}

static void tell_alert(json_t *list, const json_t *eve)
{
    const json_t *ours = json_object_get(eve, "imward"), *a = json_object_get(eve, "alert");
    const char *seen = member(ours, "seen"), *why = member(ours, "why"), *advice = member(ours, "advice"),
               *signature = member(a, "signature");
    json_int_t severity = json_integer_value(json_object_get(a, "severity")),
               held = json_integer_value(json_object_get(ours, "suppressed"));
    char text[2400];
    struct text t = TEXT(text);

    if (a == NULL)
        return;
    text_format(&t, "%s alert: %s.",
                severity == 1   ? "A serious"
                : severity == 2 ? "An"
                                : "A minor",
                signature != NULL ? signature : "not named");
    if (seen != NULL)
        text_format(&t, " What was seen: %s.", seen);
    if (why != NULL)
        text_format(&t, " Why it matters: %s.", why);
    if (held > 0)
        text_format(&t, " The same was seen %" JSON_INTEGER_FORMAT " more times since it was told last.",
                    held);
    add(list, "alert", text, signature);
    if (advice != NULL) {
        t = TEXT(text);
        text_format(&t, "What to do: %s.", advice);
        add(list, "alert", text, NULL);
    }
}

json_t *tell(const json_t *eve)
{
    json_t *list = json_pack("[]"), *hint;
    const json_t *im = json_object_get(eve, "im");
    const char *inspection = TEXT_OF(inspections, member(im, "inspection"));
    size_t i;

    if (list == NULL)
        return NULL;
    tell_evidence(list, im);
    tell_alert(list, eve);
    tell_verdict(list, eve);
    tell_file(list, eve);
    if (inspection != NULL)
        add(list, "inspection", inspection, NULL);
    json_array_foreach(json_object_get(eve, "hints"), i, hint)
    {
        const char *text = TEXT_OF(hints, json_string_value(hint));
        if (text != NULL)
            add(list, "hint", text, json_string_value(hint));
    }
    return list;
}
