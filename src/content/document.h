/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text out of documents (docx, xlsx, pptx, odt, pdf, rtf, html, csv, plain), for the search for leaks.
 * Parsers of such formats are attacked: they run in a child process that has no files, no network, bounded
 * memory and time, and reads the document from a descriptor (document_child.c).
 */
#pragma once
#include "base/error.h"
#include "base/view.h"

/* Told of the text in pieces, UTF-8. */
typedef void document_text(void *context, struct view text);

enum document_answer {
    DOCUMENT_DONE,
    DOCUMENT_NO_TEXT, /* not a kind that has text */
    DOCUMENT_CUT,     /* more text than `most_bytes` */
    DOCUMENT_ENCRYPTED,
    DOCUMENT_FAILED, /* broken, or the child died or took too long; err says which */
};

/* `media_type` by content (scan.h). At most `timeout_ms`. Any thread, several at a time. */
enum document_answer document_read(int fd, const char *media_type, uint64_t most_bytes, unsigned timeout_ms,
                                   document_text *text, void *context, struct imw_error_info *err);
