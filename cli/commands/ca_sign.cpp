#include "reconcile/verbs/ca_sign.h"

#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "pki/csr.h"
#include "signed_files.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

constexpr Argument kCaSignArguments[] = {
    {.name = "NAME", .field = "name"},
    {.name = "CSR", .summary = "CSR files, PEM or DER; - for stdin", .type = ArgumentType::values, .required = true},
    {.name = "--profile", .value = "P", .field = "profile"},
    {.name = "--out-dir",
     .summary = "write NAME.pem for each NAME.csr into this directory; default: stdout",
     .value = "DIR"},
};

using Json = nlohmann::ordered_json;

// The caller's own descriptors, as `-` and <(COMMAND) name them: what comes there may take its time, so it is read
// before the store is opened.
bool is_stream(std::string_view file) {
  return file == "-" || file == "/dev/stdin" || file.starts_with("/dev/fd/") || file.starts_with("/proc/self/fd/");
}

std::expected<base::Bytes, base::Error> read_stream(const std::string& file) {
  try {
    return base::read_file(file, pki::kLargestCsr);
  } catch (const base::Error& error) {
    return std::unexpected(error);
  }
}

// What is to be signed, and what became of it.
class Batch {
 public:
  Batch(const Context& context, std::vector<std::string> files, const std::optional<std::string>& out)
      : files_(std::move(files)),
        json_(context.output == Output::json),
        document_{{"certificates", Json::array()}, {"failures", Json::array()}} {
    if (out) signed_files_.emplace(*out, files_);
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (is_stream(files_[i])) streams_.emplace(i, read_stream(files_[i]));
  }

  std::size_t size() const noexcept { return files_.size(); }

  base::Bytes csr(std::size_t index) const {
    if (signed_files_)
      if (const auto& path = signed_files_->path(index); !path) throw base::Error(path.error());
    if (const auto stream = streams_.find(index); stream != streams_.end()) {
      if (!stream->second) throw base::Error(stream->second.error());
      return *stream->second;
    }
    const base::Secret text = base::read_regular_file(files_[index], pki::kLargestCsr);
    return {text.reveal().begin(), text.reveal().end()};
  }

  void take(std::size_t index, const std::expected<reconcile::SignedCsr, base::Error>& result) {
    if (!result) return fail(index, result.error());
    for (const std::string& warning : result->warnings)
      note(fmt::format("everseal: {}: {}\n", base::printable(files_[index]), warning));
    const bool written = signed_files_ && write(index, *result);
    if (json_)
      document_["certificates"].push_back({{"csr", files_[index]},
                                           {"serial", result->leaf.serial()},
                                           {"fingerprint", result->leaf.fingerprint().text()},
                                           {"not_after", base::format_time(result->leaf.not_after())},
                                           {"warnings", result->warnings},
                                           {"file", written ? Json(*signed_files_->path(index)) : Json()},
                                           {"text", written ? Json() : Json(result->chain)}});
    else if (!written)
      print(result->chain);
  }

  int finish() const {
    if (json_) print_document(document_.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
    if (failed_ == 0) return 0;
    return failed_ == files_.size() ? 1 : 4;
  }

 private:
  void fail(std::size_t index, const base::Error& error) {
    ++failed_;
    if (json_)
      document_["failures"].push_back({{"csr", files_[index]},
                                       {"fault", to_string(error.fault())},
                                       {"message", error.message()},
                                       {"hint", error.hint()}});
    note(fmt::format("everseal: {}: {}\n", base::printable(files_[index]), error.message()));
    if (!error.hint().empty()) note(fmt::format("  {}\n", error.hint()));
  }

  // It is signed: where it cannot be written, it is printed instead of lost.
  bool write(std::size_t index, const reconcile::SignedCsr& made) {
    try {
      signed_files_->write(index, made.chain);
      return true;
    } catch (const base::Error& error) {
      fail(index,
           base::Error(error.fault(),
                       fmt::format("signed as serial {}, but not written: {}", made.leaf.serial(), error.message()),
                       "it was printed instead"));
      return false;
    }
  }

  std::vector<std::string> files_;
  std::optional<SignedFiles> signed_files_;
  std::map<std::size_t, std::expected<base::Bytes, base::Error>> streams_;
  std::size_t failed_ = 0;
  bool json_;
  Json document_;
};

int run_ca_sign(Context& context) {
  const Arguments& arguments = context.arguments;
  reconcile::CaSignRequest wanted = reconcile::ca_sign_request(request(context));
  Batch batch(context, arguments.all("CSR"), arguments.one("out-dir"));
  wanted.count = batch.size();
  wanted.csr = [&](std::size_t index) { return batch.csr(index); };
  reconcile::ca_sign(
      context.host(), wanted,
      [&](std::size_t index, std::expected<reconcile::SignedCsr, base::Error> result) { batch.take(index, result); });
  return batch.finish();
}

}  // namespace

extern const Command ca_sign_command;
const Command ca_sign_command{
    "ca sign",
    Group::authority,
    "sign CSRs, one or thousands",
    "Behind an ssh forced command, `everseal ca sign corp -` lets another host enrol without moving keys.\n"
    "What cannot be signed or written is told and stops no other. With --out-dir, no file takes the place of a CSR,\n"
    "of another certificate of the same run, or of anything but a certificate.\n\n"
    "  everseal ca sign corp device.csr > device.pem\n"
    "  everseal ca sign corp --profile client --out-dir signed csr/*.csr",
    kCaSignArguments,
    run_ca_sign,
    &reconcile::ca_sign_verb};

}  // namespace everseal::cli
