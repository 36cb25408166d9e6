#include "authority/sign.h"
#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "inventory/clock.h"
#include "pki/csr.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"
#include "reconcile/session.h"

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

constexpr std::size_t kLargestCsr = 1 << 18;
constexpr std::size_t kGroup = 256;  // signed and committed together

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the authority", .required = true},
    {.name = "CSR", .summary = "CSR files, PEM or DER; - for stdin", .type = ArgumentType::values, .required = true},
    {.name = "--profile", .summary = "server (default), client, peer, or one of the config", .value = "P"},
    {.name = "--lifetime", .summary = "how long they live", .value = "90d"},
    {.name = "--out-dir",
     .summary = "write NAME.pem for each NAME.csr into this directory; default: stdout",
     .value = "DIR"},
};

using Json = nlohmann::ordered_json;

int run(Context& context) {
  const Arguments& arguments = context.arguments;
  const reconcile::Host host = context.host();
  const base::Name name = name_argument(context, "NAME", "authority name");
  const base::Name profile = base::Name::parse(arguments.one("profile").value_or("server"), "profile");
  std::optional<base::Seconds> lifetime;
  if (const auto text = arguments.one("lifetime")) lifetime = duration_argument(*text, "--lifetime");
  const auto out = arguments.one("out-dir");
  const std::vector<std::string> files = arguments.all("CSR");

  const bool json = context.output == Output::json;
  Json document{{"certificates", Json::array()}, {"failures", Json::array()}};

  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, host.clock());
  base::Problems problems;
  const config::Config config = reconcile::read_config(host.files, store, problems);
  reconcile::Session session(host, config, store);
  inventory::require_trusted_clock(store, host.clock(), host.build_date);
  authority::Authority& authority = session.authority(name);

  std::size_t failed = 0;
  const auto fail = [&](const std::string& file, const base::Error& error) {
    ++failed;
    if (json)
      document["failures"].push_back(
          {{"csr", file}, {"fault", to_string(error.fault())}, {"message", error.message()}, {"hint", error.hint()}});
    note(fmt::format("everseal: {}: {}\n", base::printable(file), error.message()));
    if (!error.hint().empty()) note(fmt::format("  {}\n", error.hint()));
  };
  for (std::size_t begin = 0; begin < files.size(); begin += kGroup) {
    std::vector<std::string> names;
    std::vector<authority::Request> requests;
    for (std::size_t i = begin; i < std::min(files.size(), begin + kGroup); ++i) {
      try {
        requests.push_back({.profile = profile,
                            .key = pki::Csr::parse(base::read_file(files[i], kLargestCsr)),
                            .identifiers = {},
                            .subject = {},
                            .lifetime = lifetime,
                            .binding = std::nullopt});
        names.push_back(files[i]);
      } catch (const base::Error& error) {
        fail(files[i], error);
      }
    }
    const auto results = authority::sign_many(authority, requests, host.clock());
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i]) {
        fail(names[i], results[i].error());
        continue;
      }
      for (const std::string& warning : results[i]->warnings)
        note(fmt::format("everseal: {}: {}\n", base::printable(names[i]), warning));
      std::string text;
      for (const pki::Certificate& certificate : authority::full_chain(authority, results[i]->leaf))
        text += certificate.pem();
      std::optional<std::string> file;
      if (out) {
        file = (std::filesystem::path(*out) / (std::filesystem::path(names[i]).stem().string() + ".pem")).string();
        base::write_file(*file, base::as_bytes(text), {.user = {}, .group = {}, .mode = 0644});
      }
      if (json)
        document["certificates"].push_back({{"csr", names[i]},
                                            {"serial", results[i]->leaf.serial()},
                                            {"fingerprint", results[i]->leaf.fingerprint().text()},
                                            {"not_after", base::format_time(results[i]->leaf.not_after())},
                                            {"warnings", results[i]->warnings},
                                            {"file", file ? Json(*file) : Json()},
                                            {"text", file ? Json() : Json(text)}});
      else if (!out)
        print(text);
    }
  }
  if (json) print_document(document.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  if (failed == 0) return 0;
  return failed == files.size() ? 1 : 4;
}

}  // namespace

extern const Command ca_sign_command;
const Command ca_sign_command{
    "ca sign",
    Group::authority,
    "sign CSRs, one or thousands",
    "Behind an ssh forced command, `everseal ca sign corp -` lets another host enrol without moving keys.\n\n"
    "  everseal ca sign corp device.csr > device.pem\n"
    "  everseal ca sign corp --profile client --out-dir signed csr/*.csr",
    kArguments,
    run};

}  // namespace everseal::cli
