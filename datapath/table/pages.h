/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the large tables, straight from the kernel. Main. */
#ifndef VSW_DATAPATH_TABLE_PAGES_H
#define VSW_DATAPATH_TABLE_PAGES_H

#include <stddef.h>

/* Zero pages, page-aligned, taken when they are first touched; NULL without memory. */
void *pages_alloc(size_t size);
void pages_free(void *pages, size_t size); /* NULL is legal */

#endif
