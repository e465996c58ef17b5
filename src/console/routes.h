/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of routes.def; each api_*.c includes this. */
#pragma once
#include "console/api.h"
#include "console/call.h"

#define R(method, path, permission, body, handler) void handler(struct call *c);
#include "console/routes.def"
#undef R
