/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imward policy follow: on a gateway, keeps the policy, the people and the exceptions as the console has
 * them.
 *
 * It asks the console for a bundle newer than the one it has, over HTTPS with a token, and waits there until
 * there is one. A bundle is taken when its manifest is signed by the console's key, its number is higher than
 * that of any before, and every file has the size and hash that the manifest says. Then the files take the
 * old ones' places, each whole, the policy last, and the gateway is asked to reload. A gateway that refuses
 * the new files (its catalog may be another) gets the old ones back. While the console is away, all stays as
 * it is.
 *
 * So neither the network nor the console's front can make a gateway do anything: only the key can, which the
 * console's keeper has.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "cli/policy.h"
#include "program/audit.h"
#include "program/enforcement.h"
#include "program/when.h"
#include "sensor/control.h"
#include "sensor/sandbox.h"
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward policy follow --from URL --token-file FILE --key HEX|FILE --to DIR [option ...]\n"
    "\n"
    "On a gateway: keep DIR/policy.yaml, people.csv and exceptions.yaml as the console has them, and have the\n"
    "gateway reload when they change. Only what the console's key has signed is taken, and nothing older than\n"
    "what was taken before. While the console is away, all stays as it is. docs/loop.md tells the whole of it.\n"
    "\n"
    "      --from URL           of the console: https://console.bank.example:8443\n"
    "      --token-file FILE    holds a token with the scope enforcement:read (console: your account, Tokens)\n"
    "  -k, --key HEX|FILE       the console's public key, DIR/keys/audit.pub there\n"
    "      --to DIR             where the files are kept; the gateway reads DIR/policy.yaml\n"
    "      --ca FILE            PEM of who signed the console's certificate, or that itself (default: the system's)\n"
    "  -S, --control PATH       the gateway's control socket (default: " CONTROL_PATH
    "); none: nobody reloads\n"
    "      --user NAME          become this user, where root starts it (default: imward)\n"
    "      --once               take what is there now, and end\n"
    "      --no-sandbox         without Landlock and seccomp\n"
    "  -h, --help               this text\n"
    "\n"
    "exit status: 0 it was told to end, or --once took or had the newest; 1 it could not; 2 wrong use\n";

enum {
    OPTION_FROM = 256,
    OPTION_TOKEN,
    OPTION_TO,
    OPTION_CA,
    OPTION_USER,
    OPTION_ONCE,
    OPTION_NO_SANDBOX,
    KEY_BYTES = 32,
    TOKEN_MOST = 200,
    WAIT_S = 40,  /* longer than the console makes us wait */
    FILE_S = 120, /* for one file */
    AGAIN_MS = 500,
    AGAIN_MOST_MS = 4000,
    REFUSED_MS = 15000,
    ANSWER_MOST = 64 << 10,
};

static const struct option long_options[] = {
    { "from", required_argument, NULL, OPTION_FROM },
    { "token-file", required_argument, NULL, OPTION_TOKEN },
    { "key", required_argument, NULL, 'k' },
    { "to", required_argument, NULL, OPTION_TO },
    { "ca", required_argument, NULL, OPTION_CA },
    { "control", required_argument, NULL, 'S' },
    { "user", required_argument, NULL, OPTION_USER },
    { "once", no_argument, NULL, OPTION_ONCE },
    { "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct options {
    const char *from, *token_file, *key, *to, *ca, *control, *user;
    bool once, no_sandbox, help;
};

/* A bundle in memory. */
struct bundle {
    uint64_t number;
    char *manifest, *signature; /* as manifest.json and manifest.sig have them */
    char *file[ENFORCEMENT_FILES];
    size_t len[ENFORCEMENT_FILES];
};

struct follower {
    const struct options *o;
    char base[512], token[TOKEN_MOST + 1];
    uint8_t key[KEY_BYTES];
    char *ca;
    CURL *curl;
    int signals;
    bool ending;
    struct bundle now;     /* what lies in the folder; number 0: nothing good */
    uint64_t floor;        /* no lower number is taken */
    uint64_t refused;      /* the gateway did not take this one */
    bool reload_due;       /* it did not answer */
    bool away, unreloaded; /* told already */
};

/* ---- the command line ---- */

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;

    *o = (struct options){ .control = CONTROL_PATH };
    while ((option = getopt_long(argc, argv, "k:S:h", long_options, NULL)) != -1) {
        switch (option) {
        case OPTION_FROM: o->from = optarg; break;
        case OPTION_TOKEN: o->token_file = optarg; break;
        case 'k': o->key = optarg; break;
        case OPTION_TO: o->to = optarg; break;
        case OPTION_CA: o->ca = optarg; break;
        case 'S': o->control = optarg; break;
        case OPTION_USER: o->user = optarg; break;
        case OPTION_ONCE: o->once = true; break;
        case OPTION_NO_SANDBOX: o->no_sandbox = true; break;
        case 'h': o->help = true; break;
        default: fputs("imward policy follow --help tells how it is used.\n", stderr); return false;
        }
    }
    if (o->help)
        return true;
    if (optind < argc)
        return cli_usage("policy", "follow takes no '%s'", argv[optind]), false;
    if (o->from == NULL || o->token_file == NULL || o->key == NULL || o->to == NULL)
        return cli_usage("policy", "follow needs --from URL, --token-file FILE, --key HEX|FILE and --to DIR"),
               false;
    if (strncmp(o->from, "https://", 8) != 0 || strlen(o->from) > 400)
        return cli_usage("policy", "--from takes an address that begins with https://"), false;
    return true;
}

static bool read_token(const char *path, char out[TOKEN_MOST + 1], struct imw_error_info *err)
{
    char *text = NULL;
    size_t len = 0;

    if (!file_read(path, 4096, &text, &len, err))
        return false;
    const struct view word = view_trim(view_of(text, len));
    bool ok = word.len > 0 && word.len <= TOKEN_MOST;
    for (size_t i = 0; ok && i < word.len; i++)
        ok = isgraph(word.at[i]) != 0;
    if (ok)
        snprintf(out, TOKEN_MOST + 1, "%.*s", (int)word.len, (const char *)word.at);
    explicit_bzero(text, len);
    free(text);
    return ok || error_file(err, IMW_ERROR_VALUE, path, "this is no token: one word is needed");
}

/* ---- asking ---- */

struct answer {
    char *bytes;
    size_t len, most;
};

static size_t take(char *bytes, size_t size, size_t count, void *of)
{
    struct answer *a = of;
    const size_t more = size * count;

    if (more > a->most - a->len)
        return 0; /* ends the transfer */
    char *grown = realloc(a->bytes, a->len + more + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + a->len, bytes, more);
    a->bytes = grown;
    a->len += more;
    a->bytes[a->len] = '\0';
    return more;
}

/* Was it told to end? */
static bool is_ending(struct follower *f, int wait_ms)
{
    struct pollfd p = { .fd = f->signals, .events = POLLIN };

    f->ending = f->ending || poll(&p, 1, wait_ms) > 0;
    return f->ending;
}

static int on_progress(void *of, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return is_ending(of, 0); /* not 0: ends the transfer */
}

/* GET; *out_status 0 where there was no answer (err says why). The caller frees out->bytes. */
static void get(struct follower *f, const char *path, long wait_s, size_t most, struct answer *out,
                long *out_status, struct imw_error_info *err)
{
    char url[1024], bearer[TOKEN_MOST + 40], why[CURL_ERROR_SIZE] = "";
    struct curl_blob ca = { .data = f->ca,
                            .len = f->ca != NULL ? strlen(f->ca) : 0,
                            .flags = CURL_BLOB_NOCOPY };
    CURL *c = f->curl;

    *out = (struct answer){ .most = most };
    *out_status = 0;
    snprintf(url, sizeof url, "%s/api/v1/%s", f->base, path);
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", f->token);
    struct curl_slist *headers = curl_slist_append(NULL, bearer);
    explicit_bzero(bearer, sizeof bearer);
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, wait_s);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* no environment decides where the token goes */
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
    if (f->ca != NULL) {
        curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    }
    const CURLcode code = headers != NULL ? curl_easy_perform(c) : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, out_status);
    else
        error_set(err, IMW_ERROR_SYSTEM, "%.200s: %.200s", f->base,
                  why[0] != '\0' ? why : curl_easy_strerror(code));
    curl_slist_free_all(headers);
}

/* ---- bundles ---- */

static void bundle_free(struct bundle *b)
{
    free(b->manifest);
    free(b->signature);
    for (unsigned i = 0; i < ENFORCEMENT_FILES; i++)
        free(b->file[i]);
    *b = (struct bundle){ 0 };
}

static const char *file_member(const json_t *manifest, unsigned i, const char *name)
{
    const char *text =
        json_string_value(json_object_get(json_array_get(json_object_get(manifest, "files"), i), name));

    return text != NULL ? text : "";
}

/* Does a file have the size and hash that the manifest says? */
static bool is_as_told(const json_t *manifest, unsigned i, struct view text)
{
    char hex[65];
    uint8_t digest[32];
    struct text t = TEXT(hex);

    if (EVP_Digest(text.at, text.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    for (unsigned n = 0; n < sizeof digest; n++)
        text_format(&t, "%02x", digest[n]);
    return text.len == (size_t)json_integer_value(
                           json_object_get(json_array_get(json_object_get(manifest, "files"), i), "size")) &&
           strcmp(hex, file_member(manifest, i, "sha256")) == 0;
}

/* What lies in the folder. Its number is the floor where the manifest is signed, even if a file is not as it
 * says. */
static void read_folder(struct follower *f)
{
    struct bundle *b = &f->now;
    struct imw_error_info ignored;
    char path[4096];
    size_t len = 0, signature_len = 0;

    snprintf(path, sizeof path, "%s/manifest.json", f->o->to);
    bool ok = file_read(path, ENFORCEMENT_MANIFEST_BYTES, &b->manifest, &len, &ignored);
    snprintf(path, sizeof path, "%s/manifest.sig", f->o->to);
    ok = ok && file_read(path, ENFORCEMENT_SIGNATURE_SIZE, &b->signature, &signature_len, &ignored);
    json_t *manifest = ok ? enforcement_read_manifest(b->manifest, len) : NULL;
    const uint64_t number = (uint64_t)json_integer_value(json_object_get(manifest, "number"));
    ok = manifest != NULL &&
         enforcement_is_signed(b->manifest, len, number, view_of(b->signature, signature_len), f->key);
    if (ok)
        f->floor = number;
    for (unsigned i = 0; ok && i < ENFORCEMENT_FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", f->o->to, enforcement_files[i]);
        ok = file_read(path, ENFORCEMENT_FILE_BYTES, &b->file[i], &b->len[i], &ignored) &&
             is_as_told(manifest, i, view_of(b->file[i], b->len[i]));
    }
    json_decref(manifest);
    if (ok)
        b->number = number;
    else
        bundle_free(b);
}

/* The files of a bundle whose manifest is good. */
static bool fetch_files(struct follower *f, struct bundle *b, const json_t *manifest,
                        struct imw_error_info *err)
{
    for (unsigned i = 0; i < ENFORCEMENT_FILES; i++) {
        const size_t size = (size_t)json_integer_value(
            json_object_get(json_array_get(json_object_get(manifest, "files"), i), "size"));
        struct answer a;
        char path[128];
        long status;

        snprintf(path, sizeof path, "enforcement/files/%s?number=%llu", enforcement_files[i],
                 (unsigned long long)b->number);
        get(f, path, FILE_S, size, &a, &status, err);
        b->file[i] = a.bytes != NULL ? a.bytes : calloc(1, 1);
        b->len[i] = a.len;
        if (status == 0)
            return false;
        if (status != 200)
            return error_set(err, IMW_ERROR_SYSTEM, "%s of bundle %llu: the console answers %ld",
                             enforcement_files[i], (unsigned long long)b->number, status);
        if (b->file[i] == NULL || !is_as_told(manifest, i, view_of(b->file[i], b->len[i])))
            return error_set(err, IMW_ERROR_TRUST,
                             "%s of bundle %llu is not what its manifest says: it is not taken",
                             enforcement_files[i], (unsigned long long)b->number);
    }
    return true;
}

/* An answer of the console into a bundle that may be taken. */
static bool judge(struct follower *f, const struct answer *a, struct bundle *out, struct imw_error_info *err)
{
    json_t *told = json_loadb(a->bytes != NULL ? a->bytes : "", a->len, JSON_REJECT_DUPLICATES, NULL);
    const char *text = json_string_value(json_object_get(told, "manifest")),
               *signature = json_string_value(json_object_get(told, "signature")),
               *key = json_string_value(json_object_get(told, "key"));
    json_t *manifest = text != NULL ? enforcement_read_manifest(text, strlen(text)) : NULL;
    bool ok = manifest != NULL && signature != NULL && strlen(signature) < ENFORCEMENT_SIGNATURE_SIZE / 2;

    *out = (struct bundle){ .number = (uint64_t)json_integer_value(json_object_get(manifest, "number")) };
    if (!ok)
        error_set(err, IMW_ERROR_TRUST, "what the console answers is no bundle");
    else if (!enforcement_is_signed(text, strlen(text), out->number, view_string(signature), f->key))
        ok = error_set(err, IMW_ERROR_TRUST,
                       "bundle %llu is not signed by the key that was given (--key): it is not taken",
                       (unsigned long long)out->number);
    else if (out->number < f->floor)
        ok = error_set(err, IMW_ERROR_TRUST,
                       "bundle %llu is older than %llu, which was there before: it is not taken",
                       (unsigned long long)out->number, (unsigned long long)f->floor);
    if (ok) {
        char lines[ENFORCEMENT_SIGNATURE_SIZE];
        snprintf(lines, sizeof lines, "%s\n%.60s\n", signature, key != NULL ? key : "");
        out->manifest = strdup(text);
        out->signature = strdup(lines);
        ok = out->manifest != NULL && out->signature != NULL ? fetch_files(f, out, manifest, err)
                                                             : error_memory(err);
    }
    json_decref(manifest);
    json_decref(told);
    return ok;
}

static bool write_one(struct follower *f, const char *name, struct view text, struct imw_error_info *err)
{
    char path[4096];

    return (size_t)snprintf(path, sizeof path, "%s/%s", f->o->to, name) < sizeof path
               ? file_replace(path, text, err)
               : error_set(err, IMW_ERROR_VALUE, "a shorter path is needed");
}

/* The policy behind what it names; the manifest last: what it says is then there. */
static bool write_bundle(struct follower *f, const struct bundle *b, struct imw_error_info *err)
{
    for (unsigned i = ENFORCEMENT_FILES; i-- > 0;)
        if (!write_one(f, enforcement_files[i], view_of(b->file[i], b->len[i]), err))
            return false;
    return write_one(f, "manifest.json", view_string(b->manifest), err) &&
           write_one(f, "manifest.sig", view_string(b->signature), err);
}

/* ---- the gateway ---- */

enum reloaded { RELOADED, REFUSED, NOBODY };

static enum reloaded reload(struct follower *f, char *policy, size_t size, struct imw_error_info *err)
{
    char *answer = NULL;

    snprintf(policy, size, "%s", "");
    if (strcmp(f->o->control, "none") == 0)
        return RELOADED;
    if (!control_ask(f->o->control, "{\"command\":\"reload\"}", &answer, err))
        return NOBODY;
    json_t *told = control_answer(answer, err);
    free(answer);
    if (told == NULL)
        return REFUSED;
    const char *version = json_string_value(json_object_get(told, "policy"));
    snprintf(policy, size, "%s", version != NULL ? version : "");
    json_decref(told);
    return RELOADED;
}

/* Have what lies in the folder read. False: the gateway refused it. */
static bool have_read(struct follower *f, const struct bundle *b, struct imw_error_info *err)
{
    char policy[128], line[768];
    struct imw_error_info why = { 0 };
    const enum reloaded did = reload(f, policy, sizeof policy, &why);

    f->reload_due = did == NOBODY;
    if (did == RELOADED) {
        log_notice("policy_followed", "bundle=%llu age_ms=%llu policy=%s", (unsigned long long)b->number,
                   (unsigned long long)(clock_us() > b->number ? (clock_us() - b->number) / 1000 : 0),
                   policy[0] != '\0' ? policy : "-");
    } else if (did == NOBODY && !f->unreloaded) {
        log_warning("policy_not_reloaded", "%s; the files are there for when it starts",
                    error_format(&why, line, sizeof line));
    } else if (did == REFUSED) {
        *err = why;
    }
    f->unreloaded = did == NOBODY;
    return did != REFUSED;
}

static void take_bundle(struct follower *f, struct bundle *b, struct imw_error_info *err)
{
    char line[768];

    if (!write_bundle(f, b, err)) {
        log_error("policy_files", "%s", error_format(err, line, sizeof line));
        return;
    }
    f->floor = b->number;
    if (have_read(f, b, err)) {
        bundle_free(&f->now);
        f->now = *b;
        *b = (struct bundle){ 0 };
        return;
    }
    f->refused = b->number;
    log_error("policy_refused", "bundle=%llu: %s; the one before stays", (unsigned long long)b->number,
              error_format(err, line, sizeof line));
    if (f->now.number != 0 && !write_bundle(f, &f->now, err))
        log_error("policy_files", "%s", error_format(err, line, sizeof line));
}

/* ---- the loop ---- */

/* One question. Returns how long to wait before the next; *out_ok: it was answered. */
static unsigned ask(struct follower *f, bool *out_ok)
{
    struct imw_error_info err = { 0 };
    struct bundle b = { 0 };
    struct answer a;
    char path[64], line[768];
    long status;
    unsigned wait_ms = 0;

    const uint64_t known = f->refused > f->now.number ? f->refused : f->now.number;
    if (known != 0 && !f->o->once)
        snprintf(path, sizeof path, "enforcement?after=%llu", (unsigned long long)known);
    else
        snprintf(path, sizeof path, "enforcement");
    get(f, path, f->reload_due ? 2 : WAIT_S, ANSWER_MOST, &a, &status, &err);
    *out_ok = status == 200 || status == 204 || status == 404;
    if (status == 200 && judge(f, &a, &b, &err) && b.number != f->now.number) {
        take_bundle(f, &b, &err);
    } else if (status == 200 && err.code != IMW_OK) {
        *out_ok = false;
        wait_ms = err.code == IMW_ERROR_TRUST ? REFUSED_MS / 5 : AGAIN_MS;
        if (!f->ending)
            log_error("policy_not_taken", "%s; bundle %llu stays in force",
                      error_format(&err, line, sizeof line), (unsigned long long)f->now.number);
    } else if (status == 404) {
        log_warning("policy_none", "the console has published no policy yet");
        wait_ms = AGAIN_MOST_MS;
    } else if (status == 401 || status == 403) {
        log_error("policy_token",
                  "the console does not take the token: it needs the scope enforcement:read, and ends "
                  "some day; bundle %llu stays in force",
                  (unsigned long long)f->now.number);
        wait_ms = REFUSED_MS;
    } else if (!*out_ok) {
        const bool hurried = f->reload_due && status == 0; /* it may only have made us wait */
        if (!f->away && !f->ending && !hurried)
            log_warning("console_away", "%s; bundle %llu stays in force",
                        status == 0 ? error_format(&err, line, sizeof line) : "it answers that it cannot",
                        (unsigned long long)f->now.number);
        f->away = f->away || !hurried;
        wait_ms = AGAIN_MS;
    }
    if (*out_ok && f->away) {
        log_notice("console_back", "%s", f->base);
        f->away = false;
    }
    bundle_free(&b);
    free(a.bytes);
    return wait_ms;
}

static int run(struct follower *f)
{
    struct imw_error_info err = { 0 };
    unsigned again_ms = AGAIN_MS;
    bool ok = false;

    read_folder(f);
    log_notice("policy_follow", "from=%s to=%s bundle=%llu", f->base, f->o->to,
               (unsigned long long)f->now.number);
    while (!is_ending(f, 0)) {
        unsigned wait_ms = ask(f, &ok);
        if (f->o->once)
            return ok && f->now.number != 0 ? EXIT_DONE : EXIT_FAILED;
        if (f->reload_due && f->now.number != 0)
            (void)have_read(f, &f->now, &err);
        again_ms = ok ? AGAIN_MS : again_ms * 2 < AGAIN_MOST_MS ? again_ms * 2 : AGAIN_MOST_MS;
        if (wait_ms == AGAIN_MS)
            wait_ms = again_ms;
        if (f->reload_due && wait_ms < AGAIN_MS)
            wait_ms = AGAIN_MS;
        (void)is_ending(f, (int)wait_ms);
    }
    return EXIT_DONE;
}

static bool confine(const struct options *o, struct imw_error_info *err)
{
    const struct sandbox_path paths[] = {
        { "/etc", false },
        { "/usr", false },
        { "/lib", false },
        { "/lib64", false },
        { "/dev/urandom", false },
        { "/proc/self", false },
        { "/run/systemd/resolve", false },
        { o->to, true },
        { o->control, true },
    };
    struct sandbox_user user;
    int landlock = 0;

    if (o->no_sandbox)
        return true;
    return sandbox_user_find(o->user, &user, err) && sandbox_become(&user, 0, err) &&
           sandbox_paths(paths, sizeof paths / sizeof paths[0], &landlock, err) &&
           sandbox_calls(ROLE_FOLLOWER, err);
}

static bool begin(struct follower *f, const struct options *o, struct imw_error_info *err)
{
    sigset_t set;
    size_t len;

    snprintf(f->base, sizeof f->base, "%s", o->from);
    for (len = strlen(f->base); len > 0 && f->base[len - 1] == '/'; len--)
        f->base[len - 1] = '\0';
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (f->curl = curl_easy_init()) == NULL)
        return error_set(err, IMW_ERROR_SYSTEM, "libcurl or libsodium does not start");
    if (!audit_key_read(o->key, f->key, err) || !read_token(o->token_file, f->token, err) ||
        (o->ca != NULL && !file_read(o->ca, 1 << 20, &f->ca, &len, err)))
        return false;
    if (access(o->to, F_OK) != 0)
        return error_errno(err, o->to);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    f->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return f->signals >= 0 ? confine(o, err) : error_errno(err, "signalfd");
}

int policy_follow(int argc, char **argv)
{
    struct imw_error_info err = { 0 };
    struct follower f = { .signals = -1 };
    struct options o;

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    f.o = &o;
    const int status = begin(&f, &o, &err) ? run(&f) : cli_failed(&err);
    explicit_bzero(f.token, sizeof f.token);
    bundle_free(&f.now);
    curl_easy_cleanup(f.curl);
    free(f.ca);
    return status;
}
