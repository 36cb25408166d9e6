#include "documents.h"

namespace everseal::cli {
namespace {

constexpr Document kDocuments[] = {
    {"", "where it fails", "error"},
    {"account deactivate", "", "account"},
    {"account list", "", "account-list"},
    {"account register", "", "account"},
    {"account rotate-key", "", "account"},
    {"account show", "", "account"},
    {"account update", "", "account"},
    {"audit", "", "audit"},
    {"audit", "--changes", "audit-changes"},
    {"audit", "--diff", "audit-changes"},
    {"audit", "--explain", "audit-rule"},
    {"audit report", "", "audit-report"},
    {"backup", "", "backup"},
    {"ca crl", "", "verdict"},
    {"ca export", "", "export"},
    {"ca import", "", "ca-import"},
    {"ca init", "", "ca-init"},
    {"ca list", "", "ca-list"},
    {"ca sign", "", "ca-sign"},
    {"config check", "", "config-check"},
    {"config show", "", "config-show"},
    {"deploy", "", "verdict"},
    {"discover", "", "discover"},
    {"doctor", "", "doctor"},
    {"doctor", "--mend", "verdict"},
    {"doctor", "--rebuild", "verdict"},
    {"export", "", "export"},
    {"finding acknowledge", "", "verdict"},
    {"finding list", "", "finding-list"},
    {"finding reopen", "", "verdict"},
    {"history", "", "history"},
    {"history", "--verify", "history-verify"},
    {"import", "", "import"},
    {"init", "", "verdict"},
    {"inspect", "", "inspect"},
    {"inspect", "DIRECTORY", "inspect-directory"},
    {"inspect", "HOST:PORT", "inspect-endpoint"},
    {"issue", "", "verdict"},
    {"kinds", "", "kinds"},
    {"list", "", "list"},
    {"plan", "", "plan"},
    {"remove", "", "verdict"},
    {"renew", "", "verdict"},
    {"renew", "--dry-run", "plan"},
    {"restore", "", "restore"},
    {"revoke", "", "verdict"},
    {"rollback", "", "verdict"},
    {"show", "", "show"},
    {"verify", "", "verdict"},
    {"version", "", "version"},
};

}  // namespace

std::span<const Document> documents() { return kDocuments; }

}  // namespace everseal::cli
