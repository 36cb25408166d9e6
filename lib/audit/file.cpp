#include "audit/judge.h"

namespace everseal::audit {
namespace {

const Stored* stored_with_leaf(const Context& at) noexcept {
  return at.sight.stored && at.leaf() != nullptr && at.sight.role != Role::anchor ? &*at.sight.stored : nullptr;
}

void judge_key_mismatch(const Context& at, Found& found) {
  const Stored* const stored = stored_with_leaf(at);
  if (stored == nullptr || stored->key_matches != false) return;
  found.add({}, fmt::format("the private key beside {} belongs to another certificate", named(*at.leaf())), at.leaf());
}

void judge_unread(const Context& at, Found& found) {
  const Stored* const stored = stored_with_leaf(at);
  if (stored == nullptr || stored->is_read != false) return;
  found.add({}, fmt::format("no server of this host reads {}", named(*at.leaf())), at.leaf());
}

void judge_unrenewed(const Context& at, Found& found) {
  const Stored* const stored = stored_with_leaf(at);
  if (stored == nullptr || stored->is_read != true || stored->is_renewed != false) return;
  found.add({}, fmt::format("a server reads {}, and nothing on this host renews it", named(*at.leaf())), at.leaf());
}

void judge_file_unreadable(const Context& at, Found& found) {
  if (!at.sight.stored || at.sight.stored->troubles.empty()) return;
  Fields fields;
  std::string what;
  for (const auto& [code, words] : at.sight.stored->troubles) {
    fields.emplace_back("reason", ours(code));
    what += (what.empty() ? "" : "; ") + (words.empty() ? code : words);
  }
  found.add(std::move(fields), std::move(what));
}

const Judge kFileJudges[] = {
    {{"file-unreadable", Severity::error, "file cannot be read whole",
      "Something stands in the way of reading all that the file holds: rights, a password, or that it is broken. What "
      "could be read was judged all the same.",
      "Give the audit the right to read it, or the password (--password-file); mend or remove what is broken.",
      "RFC 7468 section 2, RFC 7292 section 4", Nature::failure},
     judge_file_unreadable},
    {{"key-mismatch", Severity::error, "private key does not belong to the certificate",
      "The private key beside the certificate is another one's. A server that reads both does not start, or goes on "
      "with what it had.",
      "Put key and certificate of one issue there; a certificate cannot be made to fit a key afterwards.",
      "RFC 8446 section 4.4.3", Nature::fault, Identity::certificate, Needs::key},
     judge_key_mismatch},
    {{"file-unread", Severity::notice, "no server reads the file",
      "None of the server configs that were read names this file. It may be left over, or belong to a program that was "
      "not asked.",
      "Remove it with its key if nothing needs it.", "server configs of this host", Nature::fault,
      Identity::certificate, Needs::host},
     judge_unread},
    {{"file-unrenewed", Severity::notice, "a server reads a file that nothing renews",
      "A server serves this certificate, and neither Everseal nor another client of this host keeps it alive: somebody "
      "has to remember.",
      "Let Everseal issue it (`everseal issue`), or note who renews it.", "server configs of this host", Nature::fault,
      Identity::certificate, Needs::host},
     judge_unrenewed},
};

}  // namespace

std::span<const Judge> file_judges() { return kFileJudges; }

}  // namespace everseal::audit
