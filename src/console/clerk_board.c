/* SPDX-License-Identifier: Apache-2.0 */
/* The api asks for the board report of a quarter: drawn here, since it takes time and libraries that read no
 * strangers' requests. */
#include "console/clerk_board.h"
#include "base/thread.h"
#include "console/clerk.h"
#include "program/board.h"
#include <openssl/evp.h>
#include <stdlib.h>

struct page {
    uint8_t *at;
    size_t len;
};

static bool take(void *context, struct view bytes, struct imw_error_info *err)
{
    struct page *p = context;

    if (bytes.len > BOARD_PDF_BYTES - p->len)
        return error_set(err, IMW_ERROR_LIMIT, "the board report is larger than %d octets", BOARD_PDF_BYTES);
    memcpy(p->at + p->len, bytes.at, bytes.len);
    p->len += bytes.len;
    return true;
}

bool ask_board(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    const struct clerk *c = context;
    struct page page = { malloc(BOARD_PDF_BYTES), 0 };
    char *text = malloc(LINK_BYTES);
    const char *quarter, *by;
    struct db *db = NULL;
    bool ok = page.at != NULL && text != NULL;

    *out = NULL;
    if (!ok)
        error_memory(err);
    ok = ok && ask_text(question, "quarter", 16, &quarter, err) && ask_text(question, "by", 300, &by, err) &&
         db_open(c->context->config->database, &db, err) &&
         board_draw(db, quarter, by, clock_us(), take, &page, err);
    if (ok) {
        EVP_EncodeBlock((unsigned char *)text, page.at, (int)page.len);
        *out = json_pack("{s:s}", "pdf", text);
        ok = *out != NULL || error_memory(err);
    }
    db_close(db);
    free(page.at);
    free(text);
    return ok;
}
