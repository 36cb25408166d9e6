#include "base/text.h"
#include "config/reader.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::config {
namespace {

void check_reference(const Named& from, std::string_view option, const base::Options& options,
                     const std::set<std::string, std::less<>>& known, std::string_view advice, Reader& reader) {
  const std::string name = options.string(option);
  if (!options.has(option) || known.contains(name)) return;
  const std::vector<std::string> candidates(known.begin(), known.end());
  const auto near = base::nearest(name, candidates);
  reader.complain(origin_of(from.table, option, from.origin), fmt::format("{}.{}", from.key, option),
                  fmt::format("there is no {} '{}'", option, base::printable(name.substr(0, 80))),
                  near                   ? fmt::format("did you mean '{}'?", *near)
                  : Name::is_valid(name) ? fmt::format(fmt::runtime(advice), name)
                                         : std::string());
}

// An issuer with an option `authority` signs by one of ours, under a profile of ours; of other CAs' profiles we know
// nothing.
void check_references(const Named& from, const KindOptions& kind, const base::Options& options, Reader& reader) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(kind.options, name, &base::Option::name) != kind.options.end();
  };
  if (reader.known == nullptr || !has("authority")) return;
  check_reference(from, "authority", options, reader.known->authorities,
                  "add [authority.{0}], or make it with `everseal ca init {0}`", reader);
  if (has("profile")) check_reference(from, "profile", options, reader.known->profiles, "add [profile.{0}]", reader);
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
  check_references(from, *kind, issuer.options, reader);
  if (kind->check == nullptr || reader.problems.size() > before) return issuer;
  std::vector<std::string> claims;  // an issuer writes no files
  for (std::string& message : kind->check(issuer.options, from.name, claims))
    reader.complain(from.origin, from.key, std::move(message));
  return issuer;
}

}  // namespace everseal::config
