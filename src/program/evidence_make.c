/* SPDX-License-Identifier: Apache-2.0 */
/* An evidence package is made: program/evidence_make.h. */
#include "program/evidence_make.h"
#include "base/text.h"
#include "program/event_csv.h"
#include "program/evidence_read.h"
#include "program/evidence_zip.h"
#include "program/mapping.h"
#include "program/report.h"
#include "program/setting.h"
#include "program/when.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, NAME_SIZE = EVIDENCE_NAME_BYTES, QUESTION_SIZE = 16384, REPORT_ROWS = 1000 };

struct make {
    const struct evidence_order *order;
    const struct evidence_maker *maker;
    struct evidence_period period;
    struct zip_writer *zip;
    json_t *parts;             /* of the manifest */
    FILE *csv, *json;          /* of the table that is read now */
    FILE *figures, *figures_j; /* of figures */
    json_t *tables;            /* what tables there are */
    const struct evidence_item *item;
    struct evidence_column columns[EVIDENCE_COLUMNS_MOST];
    unsigned count;
    uint64_t rows;
    struct evidence_reader kept; /* what the report is drawn of */
    char *institution;
    struct mapping *mapping;
    uint8_t key[32];
    unsigned files;
};

/* A file without a name, beside the package. */
static FILE *scratch(const struct make *m, struct imw_error_info *err)
{
    const int fd = open(m->maker->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w+") : NULL;

    if (file == NULL) {
        error_errno(err, m->maker->folder);
        if (fd >= 0)
            close(fd);
    }
    return file;
}

/* ---- parts ---- */

static bool hash_file(FILE *file, uint64_t *out_size, char out[65], struct imw_error_info *err)
{
    uint8_t buffer[16 * 1024], digest[32];
    struct text t = text_over(out, 65);
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    size_t len;

    rewind(file);
    *out_size = 0;
    bool ok = sum != NULL && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1;
    while (ok && (len = fread(buffer, 1, sizeof buffer, file)) > 0) {
        EVP_DigestUpdate(sum, buffer, len);
        *out_size += len;
    }
    ok = ok && EVP_DigestFinal_ex(sum, digest, NULL) == 1 && !ferror(file);
    EVP_MD_CTX_free(sum);
    text_hex(&t, view_of(digest, sizeof digest));
    return ok || error_set(err, IMW_ERROR_SYSTEM, "a part of the package cannot be read back");
}

/* `file` becomes the part of this name, and is closed. */
static bool add_part(struct make *m, const char *name, FILE *file, bool listed, struct imw_error_info *err)
{
    char sha256[65];
    uint64_t size;

    bool ok =
        fflush(file) == 0 && !ferror(file) ? hash_file(file, &size, sha256, err) : error_errno(err, name);
    ok = ok && zip_add(m->zip, name, file, err);
    if (ok && listed)
        ok = json_array_append_new(m->parts, json_pack("{s:s,s:I,s:s}", "name", name, "size",
                                                       (json_int_t)size, "sha256", sha256)) == 0 ||
             error_memory(err);
    fclose(file);
    m->files++;
    return ok;
}

static bool add_text(struct make *m, const char *name, const char *text, bool listed,
                     struct imw_error_info *err)
{
    FILE *file = scratch(m, err);

    if (file == NULL)
        return false;
    fputs(text, file);
    return add_part(m, name, file, listed, err);
}

/* `json` is taken over. */
static bool add_json(struct make *m, const char *name, json_t *json, struct imw_error_info *err)
{
    char *text = json != NULL ? json_dumps(json, JSON_INDENT(1)) : NULL;

    json_decref(json);
    if (text == NULL)
        return error_memory(err);
    const bool ok = add_text(m, name, text, true, err);
    free(text);
    return ok;
}

/* ---- tables ---- */

static bool is_wanted(const struct make *m, const struct evidence_item *item)
{
    struct view parts = view_string(m->order->parts);

    if (parts.len == 0)
        return true;
    while (parts.len > 0)
        if (view_equal(view_token(&parts, ' '), view_string(item->part)))
            return true;
    return false;
}

/* "issued_us" is shown as the time "issued". */
static void column_name(const struct evidence_column *c, char out[64])
{
    snprintf(out, 64, "%.*s", (int)(strlen(c->name) - (c->time ? 3 : 0)), c->name);
}

static void put_json(FILE *to, const char *text)
{
    json_t *j = json_pack("s", text);

    if (j == NULL || json_dumpf(j, to, JSON_ENCODE_ANY) != 0)
        fputs("null", to);
    json_decref(j);
}

static void put_value(const struct make *m, const struct evidence_value *v)
{
    char text[64] = "";

    switch (v->type) {
    case EVIDENCE_NULL: fputs("null", m->json); break;
    case EVIDENCE_NUMBER:
        fprintf(m->csv, "%lld", (long long)v->number);
        fprintf(m->json, "%lld", (long long)v->number);
        break;
    case EVIDENCE_REAL:
        fprintf(m->csv, "%.15g", v->real);
        fprintf(m->json, "%.15g", v->real);
        break;
    case EVIDENCE_TIME:
        when_text((uint64_t)v->number, text);
        fputs(text, m->csv);
        put_json(m->json, text);
        break;
    case EVIDENCE_TEXT:
        event_csv_cell(m->csv, (const char *)v->text.at);
        put_json(m->json, (const char *)v->text.at);
        break;
    }
}

static void close_both(struct make *m)
{
    if (m->csv != NULL)
        fclose(m->csv);
    if (m->json != NULL)
        fclose(m->json);
    m->csv = m->json = NULL;
}

static bool take_table(void *context, const struct evidence_item *item, const struct evidence_column *columns,
                       unsigned count, struct imw_error_info *err)
{
    struct make *m = context;
    char name[64];

    m->item = is_wanted(m, item) ? item : NULL;
    if (m->item == NULL)
        return true;
    memcpy(m->columns, columns, count * sizeof *columns);
    m->count = count;
    m->rows = 0;
    if ((m->csv = scratch(m, err)) == NULL || (m->json = scratch(m, err)) == NULL)
        return false;
    for (unsigned i = 0; i < count; i++) {
        column_name(&columns[i], name);
        fprintf(m->csv, "%s%s", i > 0 ? "," : "", name);
    }
    fputs("\r\n", m->csv);
    fputs("{\"title\":", m->json);
    put_json(m->json, item->title);
    fputs(",\n\"rows\":[", m->json);
    return m->kept.table(m->kept.context, item, columns, count, err);
}

static bool take_row(void *context, const struct evidence_value *values, unsigned count,
                     struct imw_error_info *err)
{
    struct make *m = context;
    char name[64];

    if (m->item == NULL)
        return true;
    fputs(m->rows++ > 0 ? ",\n{" : "\n{", m->json);
    for (unsigned i = 0; i < count; i++) {
        column_name(&m->columns[i], name);
        fprintf(m->json, "%s\"%s\":", i > 0 ? "," : "", name);
        if (i > 0)
            putc(',', m->csv);
        put_value(m, &values[i]);
    }
    fputs("}", m->json);
    fputs("\r\n", m->csv);
    if (ferror(m->csv) || ferror(m->json))
        return error_errno(err, m->maker->folder);
    return m->kept.row(m->kept.context, values, count, err);
}

static bool take_table_end(void *context, const struct evidence_item *item, uint64_t rows,
                           struct imw_error_info *err)
{
    struct make *m = context;
    char name[NAME_SIZE];
    FILE *csv = m->csv, *json = m->json;

    if (m->item == NULL)
        return true;
    fprintf(json, "],\n\"count\":%llu}\n", (unsigned long long)rows);
    m->csv = m->json = NULL;
    snprintf(name, sizeof name, "data/%s/%s.csv", item->part, item->name);
    bool ok = add_part(m, name, csv, true, err);
    snprintf(name, sizeof name, "data/%s/%s.json", item->part, item->name);
    if (ok)
        ok = add_part(m, name, json, true, err);
    else
        fclose(json);
    char *question = malloc(QUESTION_SIZE);
    if (ok && question != NULL) {
        struct text t = text_over(question, QUESTION_SIZE);
        evidence_question(&t, item->sql, &m->period);
        (void)json_array_append_new(m->tables, json_pack("{s:s,s:s,s:s,s:I,s:s}", "part", item->part, "name",
                                                         item->name, "title", item->title, "rows",
                                                         (json_int_t)rows, "question", question));
    }
    free(question);
    return ok && (m->kept.table_end == NULL || m->kept.table_end(m->kept.context, item, rows, err));
}

static bool take_figure(void *context, const struct evidence_item *item, int64_t value,
                        struct imw_error_info *err)
{
    struct make *m = context;
    char *question = malloc(QUESTION_SIZE);

    if (!is_wanted(m, item)) {
        free(question);
        return true;
    }
    if (question == NULL)
        return error_memory(err);
    struct text t = text_over(question, QUESTION_SIZE);
    evidence_question(&t, item->sql, &m->period);
    fprintf(m->figures, "%s,%s,", item->part, item->name);
    event_csv_cell(m->figures, item->title);
    fprintf(m->figures, ",%lld,", (long long)value);
    event_csv_cell(m->figures, question);
    fputs("\r\n", m->figures);
    fprintf(m->figures_j,
            "%s{\"part\":\"%s\",\"name\":\"%s\",\"counts\":", ftell(m->figures_j) > 1 ? ",\n" : "\n",
            item->part, item->name);
    put_json(m->figures_j, item->title);
    fprintf(m->figures_j, ",\"value\":%lld,\"question\":", (long long)value);
    put_json(m->figures_j, question);
    putc('}', m->figures_j);
    free(question);
    return m->kept.figure(m->kept.context, item, value, err);
}

static bool add_data(struct make *m, struct db *db, struct evidence_data *data, struct imw_error_info *err)
{
    const struct evidence_reader reader = {
        .context = m, .table = take_table, .row = take_row, .table_end = take_table_end, .figure = take_figure
    };
    const struct evidence_reader *readers[] = { &reader };

    m->kept = evidence_data_reader(data);
    if ((m->figures = scratch(m, err)) == NULL || (m->figures_j = scratch(m, err)) == NULL)
        return false;
    fputs("part,name,counts,value,question\r\n", m->figures);
    putc('[', m->figures_j);
    bool ok = evidence_read(db, &m->period, readers, 1, err);
    close_both(m);
    if (!ok)
        return false;
    fputs("\n]\n", m->figures_j);
    FILE *csv = m->figures, *json = m->figures_j;
    m->figures = NULL;
    ok = add_part(m, "data/figures.csv", csv, true, err);
    m->figures_j = NULL;
    if (ok)
        return add_part(m, "data/figures.json", json, true, err) &&
               add_json(m, "data/tables.json", json_incref(m->tables), err);
    fclose(json);
    return false;
}

/* ---- the report ---- */

static bool take_report(void *context, struct view bytes, struct imw_error_info *err)
{
    return fwrite(bytes.at, 1, bytes.len, context) == bytes.len || error_errno(err, "report.pdf");
}

/* Figures of the time of the same length before. */
static bool read_before(struct make *m, struct db *db, struct evidence_data **out, struct imw_error_info *err)
{
    const uint64_t length = m->period.until_us - m->period.from_us;
    const struct evidence_period before = { .from_us =
                                                m->period.from_us > length ? m->period.from_us - length : 0,
                                            .until_us = m->period.from_us };

    if (!evidence_data_new(&before, 0, out, err))
        return false;
    struct evidence_reader all = evidence_data_reader(*out);
    const struct evidence_reader figures = { .context = all.context, .figure = all.figure },
                                 *readers[] = { &figures };
    return evidence_read(db, &before, readers, 1, err);
}

static bool add_report(struct make *m, struct db *db, const struct evidence_data *data,
                       struct imw_error_info *err)
{
    struct evidence_data *before = NULL;
    char key[65], number[32];
    struct text t = TEXT(key);

    text_hex(&t, view_of(m->key, sizeof m->key));
    snprintf(number, sizeof number, "%lld", (long long)m->order->id);
    const struct report_scope scope = { .period = m->period,
                                        .asked_us = m->order->asked_us,
                                        .institution = m->institution,
                                        .prepared_for = m->order->prepared_for,
                                        .prepared_by = m->order->asked_by,
                                        .package = number,
                                        .key = key,
                                        .mapping = m->mapping,
                                        .statement = "",
                                        .statement_by = "" };
    FILE *file = scratch(m, err);
    if (file == NULL)
        return false;
    bool ok = read_before(m, db, &before, err) &&
              report_draw(REPORT_PERIOD, &scope, data, m->order->parts[0] == '\0' ? before : NULL,
                          take_report, file, err);
    evidence_data_free(before);
    if (ok)
        return add_part(m, "report.pdf", file, true, err);
    fclose(file);
    return false;
}

/* ---- what regulations ask ---- */

static bool add_mapping(struct make *m, struct imw_error_info *err)
{
    FILE *csv = scratch(m, err);

    if (csv == NULL)
        return false;
    fputs("regulation,source,section,asks,parts,shows,not_covered\r\n", csv);
    for (unsigned i = 0; i < m->mapping->count; i++)
        for (unsigned k = 0; k < m->mapping->tables[i].count; k++) {
            const struct mapping_table *t = &m->mapping->tables[i];
            const struct mapping_row *r = &t->rows[k];
            const char *const cells[] = { t->title, t->source, r->section,    r->asks,
                                          r->parts, r->shows,  r->not_covered };
            for (unsigned c = 0; c < sizeof cells / sizeof cells[0]; c++) {
                if (c > 0)
                    putc(',', csv);
                event_csv_cell(csv, cells[c]);
            }
            fputs("\r\n", csv);
        }
    return add_part(m, "mapping.csv", csv, true, err) &&
           add_json(m, "mapping.json", mapping_json(m->mapping), err);
}

/* ---- the rest ---- */

static bool add_trail(struct make *m, struct db *db, struct imw_error_info *err)
{
    FILE *file = scratch(m, err);

    if (file == NULL)
        return false;
    if (audit_export_part(db, m->period.from_us, m->period.until_us, file, err))
        return add_part(m, "audit/trail.ndjson", file, true, err);
    fclose(file);
    return false;
}

static bool add_readme(struct make *m, struct imw_error_info *err)
{
    char from[WHEN_SIZE], until[WHEN_SIZE], made[WHEN_SIZE], key[65];
    struct text t = TEXT(key);
    FILE *file = scratch(m, err);

    if (file == NULL)
        return false;
    when_text(m->period.from_us, from);
    when_text(m->period.until_us, until);
    when_text(m->maker->now_us, made);
    text_hex(&t, view_of(m->key, sizeof m->key));
    fprintf(file,
            "Evidence package %lld%s%s\n\n"
            "Period        %s until %s\n"
            "Prepared for  %s\n"
            "Purpose       %s\n"
            "Asked for by  %s\n"
            "Made          %s by imward " IMWARD_VERSION "\n"
            "Key           %s\n",
            (long long)m->order->id, m->institution[0] != '\0' ? " of " : "", m->institution, from, until,
            m->order->prepared_for, m->order->purpose, m->order->asked_by, made, key);
    fputs(
        "\nWhat is in it\n"
        "  report.pdf            for people: the program and what happened, with every figure\n"
        "  data/PART/NAME.csv    the tables behind it (.json: the same); people are pseudonyms\n"
        "  data/figures.csv      every figure, what it counts, and the question to the database that it is\n"
        "  data/tables.json      the question of each table\n"
        "  audit/trail.ndjson    the audit trail of the period, from signed checkpoint to signed checkpoint\n"
        "  mapping.csv           what regulations ask for, what here shows it, and what is not covered\n"
        "  manifest.json         size and SHA-256 of all of these; manifest.sig: its signature and the key\n"
        "CSV: a cell that a spreadsheet would take for a formula has an apostrophe in front. JSON has it as it is.\n"
        "\nHow to verify it, without a network\n"
        "Get the institution's public key (audit.pub, 64 digits) by a way that you trust, not out of this package:\n"
        "the line \"Key\" above proves nothing by itself. Then\n\n"
        "    imward evidence verify FILE.zip --key audit.pub\n\n"
        "says whether each part, the archive itself and the chain of the audit trail are as they were signed.\n"
        "\nThe same by common tools, in the folder that the package was unpacked to:\n\n"
        "    { printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'; xxd -r -p audit.pub; } |\n"
        "        openssl pkey -pubin -inform DER -out audit.pem\n"
        "    printf 'imward evidence package 1\\nmanifest\\n%s\\n' \"$(sha256sum manifest.json | cut -d' ' -f1)\" "
        "> signed\n"
        "    head -n 1 manifest.sig | base64 -d > signature\n"
        "    openssl pkeyutl -verify -pubin -inkey audit.pem -rawin -in signed -sigfile signature\n"
        "    jq -r '.parts[] | .sha256 + \"  \" + .name' manifest.json | sha256sum -c\n",
        file);
    return add_part(m, "README.txt", file, true, err);
}

static bool sign_hash(struct make *m, const char *what, const char *sha256, uint8_t out[64],
                      struct imw_error_info *err)
{
    char text[EVIDENCE_SIGNED_SIZE];
    uint8_t key[32];

    evidence_signed_text(what, sha256, text);
    return m->maker->sign(m->maker->context, view_string(text), out, key, err) &&
           (memcmp(key, m->key, sizeof key) == 0 ||
            error_set(err, IMW_ERROR_TRUST, "the keeper changed its key while the package was made"));
}

static bool add_manifest(struct make *m, struct imw_error_info *err)
{
    char from[WHEN_SIZE], until[WHEN_SIZE], asked[WHEN_SIZE], made[WHEN_SIZE], key[65], sha256[65];
    char lines[256], one[128], two[64];
    uint8_t signature[64], digest[32];
    struct text t = TEXT(key), h = TEXT(sha256);

    when_text(m->period.from_us, from);
    when_text(m->period.until_us, until);
    when_text(m->order->asked_us, asked);
    when_text(m->maker->now_us, made);
    text_hex(&t, view_of(m->key, sizeof m->key));
    json_t *manifest = json_pack("{s:s,s:I,s:s,s:s,s:s,s:{s:s,s:s},s:s,s:s,s:s,s:s,s:s,s:s,s:O}", "evidence",
                                 "imward evidence package 1", "number", (json_int_t)m->order->id,
                                 "institution", m->institution, "prepared_for", m->order->prepared_for,
                                 "purpose", m->order->purpose, "period", "from", from, "until", until,
                                 "chosen", m->order->parts, "asked", asked, "asked_by", m->order->asked_by,
                                 "made", made, "version", IMWARD_VERSION, "key", key, "parts", m->parts);
    char *text = manifest != NULL ? json_dumps(manifest, JSON_INDENT(1)) : NULL;
    json_decref(manifest);
    bool ok = text != NULL && EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) == 1;
    if (!ok)
        error_memory(err);
    text_hex(&h, view_of(digest, sizeof digest));
    ok = ok && sign_hash(m, "manifest", sha256, signature, err);
    if (ok) {
        sodium_bin2base64(one, sizeof one, signature, 64, sodium_base64_VARIANT_ORIGINAL);
        sodium_bin2base64(two, sizeof two, m->key, 32, sodium_base64_VARIANT_ORIGINAL);
        snprintf(lines, sizeof lines, "%s\n%s\n", one, two);
        ok = add_text(m, "manifest.json", text, false, err) && add_text(m, "manifest.sig", lines, false, err);
    }
    free(text);
    return ok;
}

static void tell(const struct make *m, unsigned percent)
{
    if (m->maker->progress != NULL)
        m->maker->progress(m->maker->context, m->order->id, percent);
}

/* In a transaction to read. */
static bool add_all(struct make *m, struct db *db, struct imw_error_info *err)
{
    struct evidence_data *data = NULL;

    if (!setting_get(db, SETTING_ID_INSTITUTION, &m->institution, err) ||
        !evidence_data_new(&m->period, REPORT_ROWS, &data, err))
        return false;
    if (m->institution == NULL)
        m->institution = strdup("");
    bool ok = (m->institution != NULL || error_memory(err)) && add_readme(m, err);
    tell(m, 10);
    ok = ok && add_data(m, db, data, err);
    tell(m, 60);
    ok = ok && add_report(m, db, data, err);
    tell(m, 80);
    ok = ok && add_trail(m, db, err) && add_mapping(m, err) && add_manifest(m, err);
    evidence_data_free(data);
    return ok;
}

/* Which key signs: the keeper says with each signature. */
static bool find_key(struct make *m, struct imw_error_info *err)
{
    char text[EVIDENCE_SIGNED_SIZE];
    uint8_t ignored[64];

    evidence_signed_text("key", "", text);
    return m->maker->sign(m->maker->context, view_string(text), ignored, m->key, err);
}

void evidence_path(const char *folder, int64_t id, char *out, size_t size)
{
    snprintf(out, size, "%s/%lld.zip", folder, (long long)id);
}

static bool finish(struct make *m, const char *part, const char *path, struct evidence_made *out,
                   struct imw_error_info *err)
{
    char sha256[65];
    uint8_t signature[64];

    const bool closed = zip_end(m->zip, sha256, err);
    m->zip = NULL;
    if (!closed || !sign_hash(m, "archive", sha256, signature, err) || !zip_seal(part, signature, err))
        return false;
    FILE *file = fopen(part, "re");
    if (file == NULL)
        return error_errno(err, part);
    const bool ok = hash_file(file, &out->size, out->sha256, err);
    fclose(file);
    out->files = m->files;
    return ok && (rename(part, path) == 0 || error_errno(err, path));
}

bool evidence_make(struct db *db, const struct evidence_order *o, const struct evidence_maker *maker,
                   struct evidence_made *out, struct imw_error_info *err)
{
    struct make m = { .order = o,
                      .maker = maker,
                      .period = { o->from_us, o->until_us },
                      .parts = json_pack("[]"),
                      .tables = json_pack("[]") };
    char path[PATH_SIZE], part[PATH_SIZE + 8];

    evidence_path(maker->folder, o->id, path, sizeof path);
    snprintf(part, sizeof part, "%s.part", path);
    if (mkdir(maker->folder, 0700) != 0 && errno != EEXIST)
        return error_errno(err, maker->folder);
    bool ok = find_key(&m, err) && mapping_read(maker->mapping, &m.mapping, err) &&
              audit_checkpoint(db, maker->sign, maker->context, maker->now_us, err) &&
              zip_begin(part, &m.zip, err);
    if (ok) {
        ok = db_begin(db, false, err) && add_all(&m, db, err);
        db_rollback(db);
    }
    ok = ok && finish(&m, part, path, out, err);
    zip_abandon(m.zip);
    close_both(&m);
    if (m.figures != NULL)
        fclose(m.figures);
    if (m.figures_j != NULL)
        fclose(m.figures_j);
    free(m.institution);
    mapping_free(m.mapping);
    json_decref(m.parts);
    json_decref(m.tables);
    if (!ok)
        (void)unlink(part);
    return ok;
}
