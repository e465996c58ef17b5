/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: what is secret, and what is done with it.
 *
 * messages it takes: API_KEEPER (api): hash, check, totp-new, totp, seal, text, certificate. CLERK_KEEPER
 * (clerk): open, seal, sign. It sends none.
 *
 * The keys never leave it. Passwords are hashed here so that the process which reads requests has no memory
 * for that, and no more than HASHES at a time take theirs. A text is shown only where the database says that
 * somebody asked for it, another person agreed, and the time is not over: whoever took the api over cannot
 * read the vault in silence: it would have to write a grant in somebody's name into the trail, which the
 * keeper signs, and notes in a file of its own, before it shows the text.
 */
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "console/keys.h"
#include "console/link.h"
#include "console/serve.h"
#include "content/vault.h"
#include "program/account.h"
#include "program/audit.h"
#include "program/authority.h"
#include "program/enforcement.h"
#include "program/evidence_zip.h"
#include "program/totp.h"
#include "sensor/sandbox.h"
#include "store/db.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    HASHES = 2, /* passwords at a time; each takes much memory, see password_hash() */
    THREADS_API = 4,
    THREADS_CLERK = 1,
    PASSWORD_MOST = 1024,
    SEALED_MOST = 16 * 1024,
    TEXT_MOST = 64 * 1024, /* of a message that is shown; longer ones are cut, and that is said */
    ROUND_MS = 500,
    FIRST_START_MS = 5000,
};

struct keeper {
    const struct role_context *context;
    struct console_keys *keys; /* in memory that is neither swapped nor dumped */
    pthread_mutex_t lock;
    pthread_cond_t freed;
    unsigned hashing;
};

/* ---- passwords ---- */

static void hash_begin(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    while (k->hashing >= HASHES)
        pthread_cond_wait(&k->freed, &k->lock);
    k->hashing++;
    pthread_mutex_unlock(&k->lock);
}

static void hash_end(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    k->hashing--;
    pthread_cond_signal(&k->freed);
    pthread_mutex_unlock(&k->lock);
}

static bool ask_hash(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct keeper *k = context;
    char hash[ACCOUNT_HASH_SIZE];
    const char *password;

    if (!ask_text(question, "password", PASSWORD_MOST, &password, err))
        return false;
    hash_begin(k);
    bool ok = password_hash(password, hash, err);
    hash_end(k);
    *out = ok ? json_pack("{s:s}", "hash", hash) : NULL;
    return ok;
}

static bool ask_check(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct keeper *k = context;
    const char *password, *hash;

    if (!ask_text(question, "password", PASSWORD_MOST, &password, err) ||
        !ask_text(question, "hash", ACCOUNT_HASH_SIZE, &hash, err))
        return false;
    bool right = false;
    hash_begin(k);
    bool ok = password_matches(password, hash, &right, err);
    hash_end(k);
    *out = ok ? json_pack("{s:b}", "right", right) : NULL;
    return ok;
}

/* ---- sealing ---- */

/* Base64 of nonce and box. False: no memory. */
static bool seal(const struct keeper *k, struct view text, char **out)
{
    size_t len = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + text.len;
    size_t size = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    uint8_t *box = malloc(len);

    *out = malloc(size);
    bool ok = box != NULL && *out != NULL;
    if (ok) {
        randombytes_buf(box, crypto_secretbox_NONCEBYTES);
        crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES, text.at, text.len, box, k->keys->seal);
        sodium_bin2base64(*out, size, box, len, sodium_base64_VARIANT_ORIGINAL);
    } else {
        free(*out);
    }
    free(box);
    return ok;
}

/* The caller's: *out, with a NUL behind it. */
static bool unseal(const struct keeper *k, const char *sealed, uint8_t **out, size_t *out_len,
                   struct imw_error_info *err)
{
    size_t most = strlen(sealed), len = 0;
    uint8_t *box = malloc(most + 1), *text = calloc(1, most + 1);
    const size_t head = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;

    bool ok =
        box != NULL && text != NULL &&
        sodium_base642bin(box, most, sealed, most, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
        len >= head &&
        crypto_secretbox_open_easy(text, box + crypto_secretbox_NONCEBYTES, len - crypto_secretbox_NONCEBYTES,
                                   box, k->keys->seal) == 0;
    free(box);
    if (!ok) {
        free(text);
        return error_set(err, IMW_ERROR_TRUST,
                         "a sealed value does not open: it was sealed with another keys/seal");
    }
    *out = text;
    *out_len = len - head;
    return true;
}

static bool ask_seal(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    const char *text;
    char *sealed;

    if (!ask_text(question, "text", SEALED_MOST, &text, err))
        return false;
    if (!seal(context, view_string(text), &sealed))
        return error_set(err, IMW_ERROR_MEMORY, "no memory to seal");
    *out = json_pack("{s:s}", "sealed", sealed);
    free(sealed);
    return true;
}

static bool ask_open(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    const char *sealed;
    uint8_t *text;
    size_t len;

    if (!ask_text(question, "sealed", 2 * SEALED_MOST, &sealed, err) ||
        !unseal(context, sealed, &text, &len, err))
        return false;
    *out = json_pack("{s:s}", "text", (const char *)text);
    explicit_bzero(text, len);
    free(text);
    return true;
}

/* ---- second factors ---- */

static bool ask_totp_new(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    uint8_t secret[TOTP_SECRET_LEN];
    char base32[TOTP_BASE32_SIZE], *sealed;

    (void)question;
    randombytes_buf(secret, sizeof secret);
    base32_write(view_of(secret, sizeof secret), base32, sizeof base32);
    bool ok = seal(context, view_of(secret, sizeof secret), &sealed);
    explicit_bzero(secret, sizeof secret);
    if (!ok)
        return error_set(err, IMW_ERROR_MEMORY, "no memory to seal");
    *out = json_pack("{s:s, s:s}", "secret", base32, "sealed", sealed);
    explicit_bzero(base32, sizeof base32);
    free(sealed);
    return true;
}

static bool ask_totp(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    const char *sealed, *code;
    int64_t time_s, last, step = 0;
    uint8_t *secret;
    size_t len;

    if (!ask_text(question, "sealed", 1024, &sealed, err) || !ask_text(question, "code", 32, &code, err) ||
        !ask_number(question, "time_s", 0, INT64_MAX / 2, &time_s, err) ||
        !ask_number(question, "last", -1, INT64_MAX / 2, &last, err) ||
        !unseal(context, sealed, &secret, &len, err))
        return false;
    bool right = totp_right(view_of(secret, len), code, (uint64_t)time_s, last, &step);
    explicit_bzero(secret, len);
    free(secret);
    *out = json_pack("{s:b, s:I}", "right", right, "step", (json_int_t)step);
    return true;
}

/* ---- the trail ---- */

/* It is in the keeper's list before anybody has the signature. */
static bool sign_checkpoint(struct keeper *k, struct view text, uint8_t out[crypto_sign_BYTES],
                            struct imw_error_info *err)
{
    char path[512];

    snprintf(path, sizeof path, "%s/keys/audit.signed", k->context->config->data);
    crypto_sign_detached(out, NULL, text.at, text.len, k->keys->audit_secret);
    pthread_mutex_lock(&k->lock);
    bool ok = audit_signed_add(path, text, out, err);
    pthread_mutex_unlock(&k->lock);
    return ok;
}

static bool sign_own(void *context, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                     struct imw_error_info *err)
{
    struct keeper *k = context;

    memcpy(out_key, k->keys->audit_public, KEY_BYTES);
    return sign_checkpoint(k, text, out_signature, err);
}

static bool ask_sign(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    const struct view heads[] = { VIEW("imward audit checkpoint 1\n"), VIEW(ENFORCEMENT_SIGNED),
                                  VIEW(EVIDENCE_SIGNED) };
    struct keeper *k = context;
    char signature64[sodium_base64_ENCODED_LEN(crypto_sign_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    char key64[sodium_base64_ENCODED_LEN(KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    uint8_t signature[crypto_sign_BYTES];
    const char *text;

    if (!ask_text(question, "text", 256, &text, err))
        return false;
    const bool trail = view_starts(view_string(text), heads[0]);
    if (!trail && !view_starts(view_string(text), heads[1]) && !view_starts(view_string(text), heads[2]))
        return error_set(
            err, IMW_ERROR_VALUE,
            "only checkpoints of the trail, bundles for gateways and evidence packages are signed");
    if (!trail)
        crypto_sign_detached(signature, NULL, (const uint8_t *)text, strlen(text), k->keys->audit_secret);
    else if (!sign_checkpoint(k, view_string(text), signature, err))
        return false;
    sodium_bin2base64(signature64, sizeof signature64, signature, sizeof signature,
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(key64, sizeof key64, k->keys->audit_public, KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
    *out = json_pack("{s:s, s:s}", "signature", signature64, "key", key64);
    return true;
}

/* ---- certificates of sensors ---- */

static bool ask_certificate(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    const struct keeper *k = context;
    char folder[512], fingerprint[2 * AUTHORITY_FINGERPRINT_BYTES + 1];
    struct text hex = TEXT(fingerprint);
    struct authority_issued issued;
    struct authority *a;
    const char *name;

    snprintf(folder, sizeof folder, "%s/keys", k->context->config->data);
    if (!ask_text(question, "name", AUTHORITY_SENSOR_NAME_BYTES, &name, err) ||
        !authority_load(folder, &a, err))
        return false;
    bool ok = authority_issue(a, name, AUTHORITY_DAYS, clock_us(), &issued, err);
    authority_free(a);
    if (!ok)
        return false;
    text_hex(&hex, view_of(issued.fingerprint, sizeof issued.fingerprint));
    *out = json_pack("{s:s, s:s, s:I}", "bundle", issued.bundle, "fingerprint", fingerprint, "end_us",
                     (json_int_t)issued.end_us);
    explicit_bzero(issued.bundle, strlen(issued.bundle));
    free(issued.bundle);
    return true;
}

/* ---- texts of the vault ---- */

struct shown {
    char meta[16 * 1024], text[TEXT_MOST];
    size_t meta_len, text_len;
    bool cut;
};

static void take_shown(void *context, bool is_meta, struct view bytes)
{
    struct shown *s = context;
    char *to = is_meta ? s->meta : s->text;
    size_t *len = is_meta ? &s->meta_len : &s->text_len, room = is_meta ? sizeof s->meta : sizeof s->text;
    size_t n = bytes.len < room - *len ? bytes.len : room - *len;

    memcpy(to + *len, bytes.at, n);
    *len += n;
    s->cut = s->cut || n < bytes.len;
}

/* Which object of the vault was granted under this number, now, to this account, by another person. That it
 * was granted and is shown must be in the trail, which is signed, up to that and for good, before anything
 * is. */
static bool find_granted(struct keeper *k, int64_t reveal, int64_t account, char out[VAULT_ID_BYTES],
                         struct imw_error_info *err)
{
    struct db_rows *rows = NULL;
    struct db *db = NULL;
    bool found = false;
    char record[40];

    snprintf(record, sizeof record, "reveal %lld", (long long)reveal);
    if (!db_open(k->context->config->database, &db, err))
        return false;
    if (db_query(db,
                 "select r.object from reveal r join account d on d.id = r.decider "
                 "join account a on a.id = r.requester "
                 "where r.id = ? and r.requester = ? and r.kind = 'text' and r.state = 'granted' "
                 "and r.decider <> r.requester and r.until_us > ? and exists (select 1 from audit g "
                 "where g.object = ? and g.act = 'reveal.grant' and g.actor = d.name) and exists (select 1 "
                 "from audit s where s.object = ? and s.act = 'reveal.show' and s.actor = a.name)",
                 DB_ARGS(db_int(reveal), db_int(account), db_int((int64_t)clock_us()), db_text(record),
                         db_text(record)),
                 &rows, err)) {
        found = db_next(rows, err);
        struct view object = found ? db_get_text(rows, 0) : VIEW("");
        found = found && object.len == VAULT_ID_BYTES - 1;
        if (found) {
            memcpy(out, object.at, object.len);
            out[object.len] = '\0';
        }
        db_rows_end(rows);
    }
    if (found) /* what it says of this is not to be taken back afterwards */
        found = audit_checkpoint(db, sign_own, k, clock_us(), err);
    db_close(db);
    return found || err->code != IMW_OK ||
           error_set(err, IMW_ERROR_VALUE, "nothing is granted under this number");
}

static bool ask_shown(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct keeper *k = context;
    const struct vault_settings settings = { .path = k->context->config->vault,
                                             .key = k->context->config->vault_key };
    char id[VAULT_ID_BYTES] = "";
    int64_t reveal, account;
    struct vault *vault;

    if (!ask_number(question, "reveal", 1, INT64_MAX, &reveal, err) ||
        !ask_number(question, "account", 1, INT64_MAX, &account, err))
        return false;
    if (settings.path == NULL || settings.key == NULL)
        return error_set(err, IMW_ERROR_VALUE,
                         "the server was started without --vault and --vault-key: no text can be shown");
    if (!find_granted(k, reveal, account, id, err) || id[0] == '\0' || !vault_open(&settings, &vault, err))
        return false;
    struct shown *s = calloc(1, sizeof *s);
    bool ok =
        s != NULL ? vault_get(vault, id, take_shown, s, err) : error_set(err, IMW_ERROR_MEMORY, "no memory");
    vault_close(vault);
    if (ok) {
        char *clean = malloc(3 * TEXT_MOST);
        json_t *meta = json_loadb(s->meta, s->meta_len, 0, NULL);
        if (clean != NULL) {
            struct text t = text_over(clean, TEXT_MOST);
            for (struct view v = view_of(s->text, s->text_len); v.len > 0;) { /* lines stay lines */
                size_t n = view_find_byte(v, '\n', 0);
                text_printable(&t, view_slice(v, 0, n));
                if (n < v.len)
                    text_char(&t, '\n');
                v = view_from(v, n + 1);
            }
            *out = json_pack("{s:o, s:s, s:b}", "meta", meta != NULL ? meta : json_null(), "text", clean,
                             "cut", s->cut);
            explicit_bzero(clean, t.len);
        } else {
            json_decref(meta);
        }
        free(clean);
        ok = *out != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory");
    }
    if (s != NULL)
        explicit_bzero(s, sizeof *s);
    free(s);
    return ok;
}

/* ---- the role ---- */

static const struct link_ask asks_of_api[] = {
    { "hash", ask_hash }, { "check", ask_check }, { "totp-new", ask_totp_new },       { "totp", ask_totp },
    { "seal", ask_seal }, { "text", ask_shown },  { "certificate", ask_certificate },
};
static const struct link_ask asks_of_clerk[] = { { "open", ask_open },
                                                 { "seal", ask_seal },
                                                 { "sign", ask_sign } };

/* The file with the first administrator's token goes once there is one. */
static void drop_first_start(struct keeper *k)
{
    struct imw_error_info err = { 0 };
    struct db *db = NULL;
    int64_t any = 0;
    char path[512];

    snprintf(path, sizeof path, "%s/first-start", k->context->config->data);
    if (access(path, F_OK) != 0 || !db_open(k->context->config->database, &db, &err))
        return;
    if (db_query_int(db, "select count(*) from account", DB_NONE, &any, NULL, &err) && any > 0)
        (void)unlink(path);
    db_close(db);
}

static bool keeper_begin(struct keeper *k, struct link_service *services, struct imw_error_info *err)
{
    const struct console_config *config = k->context->config;
    const struct sandbox_path more[] = { { config->vault, true }, { config->vault_key, false } };

    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->freed, NULL);
    k->keys = sodium_init() >= 0 ? sodium_malloc(sizeof *k->keys) : NULL;
    if (k->keys == NULL)
        return error_set(err, IMW_ERROR_MEMORY,
                         "no locked memory for the keys: raise the limit of locked memory");
    services[0] = (struct link_service){ k->context->edges[EDGE_API_KEEPER], "api", asks_of_api,
                                         sizeof asks_of_api / sizeof asks_of_api[0], k };
    services[1] = (struct link_service){ k->context->edges[EDGE_CLERK_KEEPER], "clerk", asks_of_clerk,
                                         sizeof asks_of_clerk / sizeof asks_of_clerk[0], k };
    return keys_read(config->data, k->keys, err) &&
           role_confine(k->context, more, config->vault != NULL && config->vault_key != NULL ? 2 : 0, err) &&
           link_serve(&services[0], THREADS_API, err) && link_serve(&services[1], THREADS_CLERK, err);
}

int keeper_main(const struct role_context *context)
{
    struct keeper k = { .context = context };
    struct link_service services[2];
    struct imw_error_info err = { 0 };
    uint64_t looked_ms = 0;
    char line[768];
    int signals = role_signals(&err);

    if (signals < 0 || !keeper_begin(&k, services, &err)) {
        log_error("role_start", "role=keeper: %s", error_format(&err, line, sizeof line));
        return ROLE_FAILED;
    }
    struct pollfd wait = { .fd = signals, .events = POLLIN };
    while (role_signal(signals) != SIGTERM) {
        uint64_t now_ms = clock_ms();
        changes_alive(context->changes, CONSOLE_KEEPER, now_ms);
        if (now_ms - looked_ms >= FIRST_START_MS) {
            looked_ms = now_ms;
            drop_first_start(&k);
        }
        (void)poll(&wait, 1, ROUND_MS);
    }
    return ROLE_DONE;
}
