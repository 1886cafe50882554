/* Typed stubs over protobuf-c's structs: client calls (stubs/client.h) and the table of handlers of
 * a server (stubs/server.h). */
#pragma once

#include "tools/protoc-gen-postern/types.h"
#include "transcoder/schema.h"

/* One generated file: X.postern.h and X.postern.c. */
struct stubs {
    const struct request *request;
    const struct types *types;
    const struct tc_schema *schema;
    struct str file; /* "demo/v1/echo.proto": its services get stubs, those of imports do not */
};

bool stubs_wanted(const struct stubs *s);
/* #include lines, declarations and inline functions for the header. */
void stubs_header(struct out *o, const struct stubs *s);
/* Constant rows for the source, behind the tables; they refer to nothing but structs and tables, so
 * a program that calls no stub needs neither runtime. */
void stubs_source(struct out *o, const struct stubs *s);
