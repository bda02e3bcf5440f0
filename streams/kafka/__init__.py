"""The production runner: pumps, lanes and Faust agents on Kafka, one transaction per batch."""
