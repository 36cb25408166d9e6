// dns-01 (RFC 8555 section 8.4).
#include "challenge/txt_records.h"

namespace everseal::challenge {
namespace {

std::string name_of_dns01(const Task& task) { return "_acme-challenge." + task.authorization.identifier.text(); }

std::unique_ptr<Answerer> open_dns01(const Method& method, Responder&) {
  return make_txt_answerer(method, name_of_dns01);
}

}  // namespace

extern const Kind dns01_kind;
const Kind dns01_kind{"dns-01",  "a TXT record at _acme-challenge.NAME", txt_options(), NeedsProvider::yes, is_dns_name,
                      open_dns01};

}  // namespace everseal::challenge
