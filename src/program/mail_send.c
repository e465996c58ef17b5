/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages (RFC 5322, plain text in UTF-8, base64 by RFC 2045; other subjects than ASCII by RFC 2047), and
 * their sending over SMTP by libcurl. Auto-Submitted (RFC 3834) keeps answering machines silent.
 */
#include "base/text.h"
#include "program/mail.h"
#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <time.h>

enum { CONNECT_S = 10, SEND_S = 30, LINE_OCTETS = 57, WORD_OCTETS = 42 };

/* ---- the message ---- */

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static void put_base64(FILE *to, const void *bytes, size_t len)
{
    char out[LINE_OCTETS / 3 * 4 + 8];

    (void)EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
    fputs(out, to);
}

/* Text of a header: as it is, or in encoded words that cut no character. */
static void put_words(FILE *to, const char *text)
{
    struct view v = view_string(text);
    const char *before = "";

    if (is_ascii(text) && strstr(text, "=?") == NULL && v.len < 900) {
        fputs(text, to);
        return;
    }
    while (v.len > 0) {
        size_t len = 0, more;
        while (len < v.len && (more = utf8_length(view_from(v, len))) > 0 && len + more <= WORD_OCTETS)
            len += more;
        if (len == 0)
            len = 1; /* no UTF-8: never reached with text out of the database */
        fprintf(to, "%s=?UTF-8?B?", before);
        put_base64(to, v.at, len);
        fputs("?=", to);
        before = "\r\n ";
        v = view_from(v, len);
    }
}

static void put_text(FILE *to, const char *text)
{
    size_t len = 0;
    char *crlf = NULL;
    FILE *lines = open_memstream(&crlf, &len);

    if (lines == NULL)
        return;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n')
            fputc('\r', lines);
        if (*c != '\r')
            fputc(*c, lines);
    }
    fclose(lines);
    for (size_t at = 0; at < len; at += LINE_OCTETS) {
        put_base64(to, crlf + at, len - at < LINE_OCTETS ? len - at : LINE_OCTETS);
        fputs("\r\n", to);
    }
    free(crlf);
}

static void put_date(FILE *to, uint64_t time_us)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t s = (time_t)(time_us / 1000000);
    struct tm tm;

    if (gmtime_r(&s, &tm) != NULL)
        fprintf(to, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
                months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

char *mail_message(const struct mail_server *s, const struct mail_letter *l, size_t *out_len)
{
    const char *domain = strchr(s->from, '@');
    char *out = NULL;
    FILE *to = open_memstream(&out, out_len);

    if (to == NULL)
        return NULL;
    put_date(to, l->time_us);
    fputs("From: ", to);
    if (s->institution != NULL && s->institution[0] != '\0') {
        bool plain = is_ascii(s->institution) && strpbrk(s->institution, "\"\\") == NULL;
        fputs(plain ? "\"" : "", to);
        put_words(to, s->institution);
        fputs(plain ? "\" " : " ", to);
    }
    fprintf(to, "<%s>\r\nTo: <%s>\r\nSubject: ", s->from, l->address);
    put_words(to, l->subject);
    fprintf(to, "\r\nMessage-ID: <imward.%lld.%llu%s>\r\n", (long long)l->id, (unsigned long long)l->time_us,
            domain != NULL ? domain : "@localhost");
    fputs(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
        "Auto-Submitted: auto-generated\r\n\r\n",
        to);
    put_text(to, l->text);
    bool ok = fflush(to) == 0;
    ok = fclose(to) == 0 && ok;
    if (!ok) {
        free(out);
        return NULL;
    }
    return out;
}

/* ---- sending ---- */

struct mail_sender {
    const struct mail_server *server;
    CURL *curl;
    char url[320], why[CURL_ERROR_SIZE];
    char last[256]; /* what the server said last */
};

/* Lines of the server, of which the last that says no says why. */
static size_t heard(char *data, size_t size, size_t count, void *context)
{
    struct mail_sender *m = context;
    struct view v = view_trim(view_of(data, size * count));

    if (v.len > 3 && (v.at[0] == '4' || v.at[0] == '5')) {
        struct text t = TEXT(m->last);
        text_printable(&t, v);
    }
    return size * count;
}

static void set_up(struct mail_sender *m)
{
    const struct mail_server *s = m->server;
    CURL *c = m->curl;

    snprintf(m->url, sizeof m->url, "%s://%s:%u", s->security == MAIL_TLS ? "smtps" : "smtp", s->host,
             s->port);
    curl_easy_setopt(c, CURLOPT_URL, m->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(c, CURLOPT_USE_SSL,
                     (long)(s->security == MAIL_PLAIN ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)SEND_S);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* no environment decides where mail goes */
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, m->why);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, heard);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, m);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, heard);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, m);
    curl_easy_setopt(c, CURLOPT_MAIL_FROM, s->from);
    if (s->ca != NULL && s->ca[0] != '\0') {
        struct curl_blob ca = { s->ca, strlen(s->ca), CURL_BLOB_COPY };
        curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    }
    if (s->password != NULL && s->user != NULL && s->user[0] != '\0') {
        curl_easy_setopt(c, CURLOPT_USERNAME, s->user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, s->password);
    }
}

bool mail_sender_new(const struct mail_server *s, struct mail_sender **out, struct imw_error_info *err)
{
    struct mail_sender *m = calloc(1, sizeof *m);

    if (m != NULL)
        m->curl = curl_easy_init();
    if (m == NULL || m->curl == NULL) {
        free(m);
        return error_memory(err);
    }
    m->server = s;
    set_up(m);
    *out = m;
    return true;
}

void mail_sender_free(struct mail_sender *m)
{
    if (m == NULL)
        return;
    curl_easy_cleanup(m->curl);
    free(m);
}

struct reader {
    const char *at;
    size_t left;
};

static size_t give(char *to, size_t size, size_t count, void *context)
{
    struct reader *r = context;
    size_t n = size * count < r->left ? size * count : r->left;

    if (n > 0)
        memcpy(to, r->at, n);
    r->at += n;
    r->left -= n;
    return n;
}

/* Who is to blame: only what the server says after it let us in is about this mail. */
static enum mail_outcome outcome_of(CURLcode code, long status)
{
    if (code == CURLE_OK)
        return MAIL_SENT;
    if (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR && code != CURLE_WEIRD_SERVER_REPLY &&
        code != CURLE_QUOTE_ERROR)
        return MAIL_AWAY;
    if (status >= 500 && status < 600 && status != 530 && status != 521)
        return MAIL_REFUSED;
    return status >= 400 && status < 500 && status != 421 ? MAIL_LATER : MAIL_AWAY;
}

enum mail_outcome mail_send(struct mail_sender *m, const struct mail_letter *l, char *why, size_t size)
{
    struct curl_slist *to = NULL;
    struct reader r = { 0 };
    char bracketed[MAIL_ADDRESS_SIZE + 4];
    long status = 0;
    char *message = mail_message(m->server, l, &r.left);

    snprintf(bracketed, sizeof bracketed, "<%s>", l->address);
    to = curl_slist_append(NULL, bracketed);
    if (message == NULL || to == NULL) {
        free(message);
        curl_slist_free_all(to);
        snprintf(why, size, "out of memory");
        return MAIL_AWAY;
    }
    r.at = message;
    m->why[0] = '\0';
    m->last[0] = '\0';
    curl_easy_setopt(m->curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(m->curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(m->curl, CURLOPT_READDATA, &r);
    curl_easy_setopt(m->curl, CURLOPT_UPLOAD, 1L);
    CURLcode code = curl_easy_perform(m->curl);
    curl_easy_getinfo(m->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(m->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(to);
    free(message);
    const char *said = m->why[0] != '\0' ? m->why : curl_easy_strerror(code);
    snprintf(why, size, "%s%s%s", code == CURLE_OK ? "" : said,
             code != CURLE_OK && m->last[0] != '\0' ? ": " : "", code == CURLE_OK ? "" : m->last);
    return outcome_of(code, status);
}
