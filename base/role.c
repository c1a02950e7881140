/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/role.h"

struct role role_main = {.bit = 1U << 0};
struct role role_worker = {.bit = 1U << 1};

_Thread_local unsigned int role_held;
