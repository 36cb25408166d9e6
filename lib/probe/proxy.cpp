#include "probe/proxy.h"

#include "base/text.h"

#include <utility>

#include <fmt/format.h>

namespace everseal::probe {
namespace {

class ConnectDialogue final : public LineDialogue {
 public:
  explicit ConnectDialogue(std::string request) : request_(std::move(request)) {}
  ~ConnectDialogue() override { base::wipe(request_.data(), request_.size()); }

 private:
  void begin() override { say(request_); }

  void on_line(std::string_view line) override {
    if (!status_.empty()) {
      if (!line.empty()) return;  // a header field
      if (status_.substr(9).starts_with('2')) return go_ahead(Behind::anything);
      return refuse(fmt::format("the proxy answered \"{}\"", base::printable(status_)));
    }
    if (!line.starts_with("HTTP/1.") || line.size() < 12)
      return reject(fmt::format("the proxy does not speak HTTP: \"{}\"", base::printable(line)));
    status_ = line;
  }

  std::string request_, status_;
};

}  // namespace

std::unique_ptr<Dialogue> make_connect_dialogue(const Proxy& proxy, const std::string& authority) {
  std::string request = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", authority);
  if (!proxy.user.empty()) {
    std::string credentials = proxy.user + ":";
    credentials += proxy.password.reveal_text();
    request += "Proxy-Authorization: Basic " + base::base64(base::as_bytes(credentials)) + "\r\n";
    base::wipe(credentials.data(), credentials.size());
  }
  return std::make_unique<ConnectDialogue>(request + "\r\n");
}

}  // namespace everseal::probe
