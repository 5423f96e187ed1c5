.PHONY: spark
# `engine: pyspark` makes it a part of every environment.
.venv/project: $(if $(shell sed -n '/^engine: *pyspark/p' params.yaml 2>/dev/null),.venv/spark)

spark: .venv/spark ## Install PySpark, for `engine: pyspark` and `make predict ON=spark`

# PySpark is built here, with the pipeline's own setuptools.
.venv/spark: requirements/spark.txt .venv/pipeline
	@echo "environment: installing $<"
	@$(call install,--no-deps --no-build-isolation --require-hashes -r $<)
	@command -v $${JAVA_HOME:+$$JAVA_HOME/bin/}java >/dev/null || \
	  echo "Spark needs Java 17 or newer too: apt-get install default-jre-headless"
	@touch $@
