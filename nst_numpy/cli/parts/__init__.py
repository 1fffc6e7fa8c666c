"""What several commands share: kinds of options, outputs, the course of a comparison."""
