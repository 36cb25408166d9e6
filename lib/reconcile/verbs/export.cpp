#include "reconcile/verbs/export.h"

#include "archive/archive.h"
#include "base/error.h"
#include "inventory/events.h"
#include "reconcile/access.h"
#include "reconcile/fields.h"
#include "reconcile/named.h"
#include "reconcile/session.h"

#include <limits>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;

base::Secret key_of(const archive::Archive& archive, const Name& name, int version) {
  auto key = archive.key_pem(name, version);
  if (!key)
    throw Error(Fault::not_found, fmt::format("version {} of {} has no private key here", version, name),
                fmt::format("`everseal show {}` says which versions have one", name));
  return std::move(*key);
}

void record(inventory::Store& store, const ExportRequest& request, int version, Time now) {
  store.transaction([&] {
    inventory::Events(store).add("key.exported", subject_of(request.name),
                                 Detail{{"version", std::to_string(version)},
                                        {"format", request.form == ExportForm::key ? "key" : "p12"},
                                        {"file", request.destination}},
                                 now);
  });
}

base::Bytes chain_pem(const archive::Version& version) {
  std::string text;
  for (const pki::Certificate& certificate : version.chain) text += certificate.pem();
  return base::to_bytes(text);
}

}  // namespace

Exported export_certificate(const Host& host, const ExportRequest& request) {
  const bool secret = request.form == ExportForm::key || request.form == ExportForm::p12;
  inventory::Store store = open_store(host, secret ? sql::Access::read_write : sql::Access::read_only);
  require_managed(host, store, request.name);
  const archive::Archive archive(host.state);
  const std::optional<int> number = request.version ? request.version : archive.live(request.name);
  const auto version = number ? archive.read(request.name, *number) : std::nullopt;
  if (!version)
    throw Error(Fault::not_found, fmt::format("{} has no such version in the archive", request.name),
                fmt::format("`everseal show {}` lists them", request.name));
  switch (request.form) {
    case ExportForm::pem:
      return {*number, base::Secret(chain_pem(*version))};
    case ExportForm::der:
      return {*number, base::Secret(version->chain.front().der())};
    case ExportForm::key: {
      base::Secret key = key_of(archive, request.name, *number);
      record(store, request, *number, host.clock());
      return {*number, std::move(key)};
    }
    case ExportForm::p12: {
      base::Secret p12 = pki::make_pkcs12(pki::PrivateKey::parse(key_of(archive, request.name, *number)),
                                          version->chain, request.name.text(), *request.password, request.p12);
      record(store, request, *number, host.clock());
      return {*number, std::move(p12)};
    }
  }
  throw Error(Fault::internal, "no such form");
}

namespace {

constexpr std::pair<std::string_view, ExportForm> kExportNamed[] = {
    {"pem", ExportForm::pem}, {"der", ExportForm::der}, {"key", ExportForm::key}, {"p12", ExportForm::p12}};
constexpr std::string_view kForms[] = {"pem", "der", "key", "p12"};

constexpr base::Option kExportFields[] = {
    {.name = "name", .summary = "the certificate", .required = true},
    {.name = "format",
     .type = base::OptionType::choice,
     .summary = "pem (default): leaf and chain; der: the leaf; key: the private key; p12",
     .fallback = "pem",
     .choices = kForms},
    {.name = "compatible",
     .type = base::OptionType::boolean,
     .summary = "p12 for Windows Server 2016, older macOS, Android and Java"},
    {.name = "version",
     .type = base::OptionType::integer,
     .summary = "this version; default: the live one",
     .lowest = 1,
     .highest = std::numeric_limits<int>::max()},
};

}  // namespace

ExportRequest export_request(const base::Options& fields) {
  ExportRequest request;
  request.name = name_in(fields, "name", "certificate name");
  for (const auto& [name, form] : kExportNamed)
    if (fields.string("format") == name) request.form = form;
  if (fields.boolean("compatible")) request.p12 = pki::Pkcs12Form::compatible;
  if (fields.has("version")) request.version = static_cast<int>(fields.integer("version"));
  return request;
}

const Verb export_verb{"export", 1, Needs::store, "hand a certificate over in another form", kExportFields, nullptr};

}  // namespace everseal::reconcile
