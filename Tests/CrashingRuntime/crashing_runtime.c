// ONNX Runtime with a bug: while the file in MANTA_TEST_CRASHES_WHILE is there, to load a model that has these words in
// its file ends the process, as an engine's crash does. All else is done by the library that is installed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <onnxruntime/onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char WORDS[] = "this model crashes the runtime";

static const OrtApiBase *real_base;
static const OrtApi *real;
// The table is longer than this header knows, and its users may too.
static union {
    OrtApi api;
    char room[8192];
} table;

static int has_words(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    static char text[1 << 20];
    size_t count = fread(text, 1, sizeof text, file);
    fclose(file);
    return memmem(text, count, WORDS, sizeof WORDS - 1) != NULL;
}

static OrtStatus *create_session(
    const OrtEnv *env, const char *path, const OrtSessionOptions *options, OrtSession **session) {
    const char *crashes = getenv("MANTA_TEST_CRASHES_WHILE");
    if (crashes && access(crashes, F_OK) == 0 && has_words(path)) abort();
    return real->CreateSession(env, path, options, session);
}

static const OrtApi *get_api(uint32_t version) {
    real = real_base->GetApi(version);
    if (!real) return NULL;
    memcpy(&table, real, sizeof table);
    table.api.CreateSession = create_session;
    return &table.api;
}

const OrtApiBase *OrtGetApiBase(void) {
    static OrtApiBase base;
    void *library = dlopen("libonnxruntime.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    const OrtApiBase *(*get_base)(void) = (const OrtApiBase *(*)(void))dlsym(library, "OrtGetApiBase");
    real_base = get_base();
    base.GetApi = get_api;
    base.GetVersionString = real_base->GetVersionString;
    return &base;
}
