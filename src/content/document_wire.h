/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes between the program and its helper for documents, both being the same build: a request is one
 * struct with two descriptors, the document and the pipe for the answer; an answer is frames of a head and
 * `length` bytes: text, then the end with its message.
 */
#pragma once
#include "content/document.h"

struct document_request {
    uint64_t most_bytes;
    uint32_t timeout_ms;
    char media_type[96];
};

enum document_frame_kind { DOCUMENT_TEXT = 1, DOCUMENT_END = 2 };

struct document_frame {
    uint32_t kind, length;
    uint32_t answer; /* of the end */
};

enum { DOCUMENT_FRAME_MOST = 16384 };
