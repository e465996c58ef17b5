/* SPDX-License-Identifier: Apache-2.0 */
/* What the api role has, and its handlers may use. */
#pragma once
#include "console/role.h"
#include "console/serve.h"

/* docs/openapi.yaml, built in. */
extern const unsigned char openapi_text[];
extern const unsigned openapi_text_len;

struct api {
    const struct console_config *config;
    struct changes *changes;
    struct role_link *keeper, *clerk; /* NULL in tests without them: role_ask() says that nobody answers */
    struct limits *limits;            /* NULL: none (tests) */
};
