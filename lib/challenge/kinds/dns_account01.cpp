// dns-account-01 (draft-ietf-acme-dns-account-label): as dns-01, at a name that belongs to the account, so that several
// CAs and accounts may prove the same name by CNAMEs of their own.
#include "challenge/account_label.h"
#include "challenge/txt_records.h"

namespace everseal::challenge {
namespace {

std::string name_of_dns_account01(const Task& task) {
  return account_label(task.account.url) + "._acme-challenge." + task.authorization.identifier.text();
}

std::unique_ptr<Answerer> open_dns_account01(const Method& method, Responder&) {
  return make_txt_answerer(method, name_of_dns_account01);
}

}  // namespace

extern const Kind dns_account01_kind;
const Kind dns_account01_kind{"dns-account-01", "a TXT record at a name of the account's own",
                              txt_options(),    NeedsProvider::yes,
                              is_dns_name,      open_dns_account01};

}  // namespace everseal::challenge
