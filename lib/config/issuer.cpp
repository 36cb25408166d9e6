#include "base/text.h"
#include "config/reader.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::config {
namespace {

// An option `authority` names an authority, which the config or the store must have.
void check_authority(const Named& from, const KindOptions& kind, const base::Options& options, Reader& reader) {
  if (std::ranges::find(kind.options, "authority", &base::Option::name) == kind.options.end()) return;
  if (reader.known == nullptr || !options.has("authority")) return;
  const std::string name = options.string("authority");
  if (reader.known->authorities.contains(name)) return;
  const std::vector<std::string> candidates(reader.known->authorities.begin(), reader.known->authorities.end());
  const auto near = base::nearest(name, candidates);
  const bool could_be = Name::is_valid(name);
  reader.complain(origin_of(from.table, "authority", from.origin), from.key + ".authority",
                  fmt::format("there is no authority '{}'", base::printable(name.substr(0, 80))),
                  near       ? fmt::format("did you mean '{}'?", *near)
                  : could_be ? fmt::format("add [authority.{0}], or make it with `everseal ca init {0}`", name)
                             : std::string());
}

}  // namespace

Issuer read_issuer(const Named& from, Reader& reader) {
  Issuer issuer;
  issuer.name = from.name;
  issuer.origin = from.origin;
  const KindOptions* const kind = find_kind(from, reader.kinds.issuer, reader);
  if (kind == nullptr) return issuer;
  issuer.type = kind->name;
  const std::size_t before = reader.problems.size();
  report_unknown(from.table, {declared(Section::issuer), kind->options}, {}, from.key, reader.problems);
  issuer.options = validate_declared(from.table, kind->options, from.key, from.origin, reader.problems);
  check_authority(from, *kind, issuer.options, reader);
  if (kind->check == nullptr || reader.problems.size() > before) return issuer;
  std::vector<std::string> claims;  // an issuer writes no files
  for (std::string& message : kind->check(issuer.options, from.name, claims))
    reader.complain(from.origin, from.key, std::move(message));
  return issuer;
}

}  // namespace everseal::config
