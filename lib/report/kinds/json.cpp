// {"everseal_format": 1, "NAME": [{...}, ...]}: one document, one line a row, written as the rows come.
#include "report/json.h"

#include "report/report.h"

namespace everseal::report {
namespace {

constexpr std::size_t kJsonFlushAt = 1 << 16;

class JsonSink : public Sink {
 public:
  explicit JsonSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(std::string_view name, std::span<const Column> columns) override {
    columns_.assign(columns.begin(), columns.end());
    json_.begin_object().key(kFormatKey).number(kFormat).key(name).begin_array();
  }

  void row(std::span<const Cell> cells) override {
    json_.begin_object();
    for (std::size_t i = 0; i < columns_.size(); ++i) json_.key(columns_[i].key).value(cells[i]);
    json_.end_object();
    if (json_.written().size() >= kJsonFlushAt) flush();
  }

  void end() override {
    json_.end_array().end_object();
    flush();
  }

 private:
  void flush() {
    surface_.write(json_.written());
    json_.clear();
  }

  Surface surface_;
  std::vector<Column> columns_;
  JsonWriter json_;
};

std::unique_ptr<Sink> open_json(Surface surface) { return std::make_unique<JsonSink>(std::move(surface)); }

}  // namespace

extern const Kind json_kind;
const Kind json_kind{"json", "one JSON document, for programs", open_json};

}  // namespace everseal::report
