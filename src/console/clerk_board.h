/* SPDX-License-Identifier: Apache-2.0 */
/* How the clerk hands a board report to the api: as base64 in one answer of their link. */
#pragma once
#include "console/link.h"

enum { BOARD_PDF_BYTES = (LINK_BYTES - 4096) / 4 * 3 };
