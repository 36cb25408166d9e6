#include "issuer/methods.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace everseal::issuer {
namespace {

challenge::Method default_method(std::string_view type, const base::Options& options) {
  base::Table table;
  const auto copy = [&](std::string_view from, const char* to) {
    if (options.has(from)) table.emplace_back(to, base::text_value(options.string(from)));
  };
  table.emplace_back("port", base::number_value(options.integer(type == "http-01" ? "http_port" : "tls_port")));
  if (type == "http-01") {
    copy("http_address", "address");
    copy("webroot", "webroot");
  }
  const challenge::Kind* const kind = challenge::find_kind(type);
  base::Problems problems;
  challenge::Method method;
  method.type = type;
  method.options = base::Options::validate(table, kind->options, {}, {}, {}, problems);
  return method;
}

}  // namespace

std::vector<challenge::Method> methods_of(const base::Options& options, std::span<const challenge::Method> configured) {
  std::vector<challenge::Method> methods;
  const auto add_all = [&](auto which) { std::ranges::copy_if(configured, std::back_inserter(methods), which); };
  add_all([](const challenge::Method& method) { return !method.zones.empty(); });
  std::vector<std::string> preferred = options.strings("challenge");
  if (preferred.empty()) preferred = {"http-01", "tls-alpn-01"};
  for (const std::string& name : preferred) {
    if (name == "http-01" || name == "tls-alpn-01") {
      methods.push_back(default_method(name, options));
      continue;
    }
    const auto found = std::ranges::find(configured, name, [](const challenge::Method& m) { return m.name.text(); });
    if (found == configured.end())
      throw base::Error(base::Fault::config, fmt::format("there is no challenge {}", base::printable(name)),
                        "`challenge` holds http-01, tls-alpn-01, or the name of a [challenge.NAME]");
    methods.push_back(*found);
    methods.back().zones.clear();
  }
  add_all([&](const challenge::Method& method) {
    return method.zones.empty() && std::ranges::find(preferred, method.name.text()) == preferred.end();
  });
  return methods;
}

}  // namespace everseal::issuer
